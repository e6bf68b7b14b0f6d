// Command lambda is the step resend as a Lambda function.
package main

import (
	"latchkey/functions/resend"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(resend.New)) }
