// Command lambda is the step phone as a Lambda function.
package main

import (
	"latchkey/functions/phone"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(phone.New) }
