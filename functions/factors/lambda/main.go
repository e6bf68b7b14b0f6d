// Command lambda is the step factors as a Lambda function.
package main

import (
	"latchkey/functions/factors"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(factors.New)) }
