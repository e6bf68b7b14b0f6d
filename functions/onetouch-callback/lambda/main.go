// Command lambda is the step onetouch-callback as a Lambda function.
package main

import (
	callback "latchkey/functions/onetouch-callback"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(callback.New)) }
