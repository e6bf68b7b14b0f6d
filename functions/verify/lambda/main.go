// Command lambda is the step verify as a Lambda function.
package main

import (
	"latchkey/functions/verify"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(verify.New)) }
