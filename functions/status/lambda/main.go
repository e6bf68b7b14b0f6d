// Command lambda is the step status as a Lambda function.
package main

import (
	"latchkey/functions/status"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(status.New) }
