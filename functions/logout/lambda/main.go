// Command lambda is the step logout as a Lambda function.
package main

import (
	"latchkey/functions/logout"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(logout.New) }
