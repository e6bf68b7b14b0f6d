// Command lambda is the step approvals as a Lambda function.
package main

import (
	"latchkey/functions/approvals"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(approvals.New) }
