// Command lambda is the step verify as a Lambda function.
package main

import (
	"latchkey/functions/verify"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(verify.New) }
