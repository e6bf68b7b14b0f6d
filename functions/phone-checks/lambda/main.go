// Command lambda is the step phone-checks as a Lambda function.
package main

import (
	phonechecks "latchkey/functions/phone-checks"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(phonechecks.New)) }
