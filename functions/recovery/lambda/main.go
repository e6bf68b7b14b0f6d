// Command lambda is the step recovery as a Lambda function.
package main

import (
	"latchkey/functions/recovery"
	"latchkey/shared/apigw"
	"latchkey/shared/secret"
)

func main() { apigw.Start(secret.Renewing(recovery.New)) }
