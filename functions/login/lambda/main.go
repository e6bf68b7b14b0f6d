// Command lambda is the step login as a Lambda function.
package main

import (
	"latchkey/functions/login"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(login.New) }
