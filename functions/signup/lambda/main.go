// Command lambda is the step signup as a Lambda function.
package main

import (
	"latchkey/functions/signup"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(signup.New)) }
