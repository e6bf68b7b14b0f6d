// Command lambda is the step factors as a Lambda function.
package main

import (
	"latchkey/functions/factors"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(factors.New) }
