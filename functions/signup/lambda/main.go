// Command lambda is the step signup as a Lambda function.
package main

import (
	"latchkey/functions/signup"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(signup.New) }
