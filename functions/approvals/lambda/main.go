// Command lambda is the step approvals as a Lambda function.
package main

import (
	"latchkey/functions/approvals"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(approvals.New)) }
