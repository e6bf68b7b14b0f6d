// Command lambda is the step phone as a Lambda function.
package main

import (
	"latchkey/functions/phone"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(phone.New)) }
