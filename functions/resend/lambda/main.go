// Command lambda is the step resend as a Lambda function.
package main

import (
	"latchkey/functions/resend"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(resend.New) }
