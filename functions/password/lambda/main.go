// Command lambda is the step password as a Lambda function.
package main

import (
	"latchkey/functions/password"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(password.New)) }
