// Command lambda is the step login as a Lambda function.
package main

import (
	"latchkey/functions/login"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(login.New)) }
