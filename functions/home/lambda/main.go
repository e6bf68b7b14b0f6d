// Command lambda is the step home as a Lambda function.
package main

import (
	"latchkey/functions/home"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(home.New) }
