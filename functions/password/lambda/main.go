// Command lambda is the step password as a Lambda function.
package main

import (
	"latchkey/functions/password"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(password.New) }
