// Command lambda is the step status as a Lambda function.
package main

import (
	"latchkey/functions/status"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(status.New)) }
