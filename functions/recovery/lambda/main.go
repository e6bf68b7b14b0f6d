// Command lambda is the step recovery as a Lambda function.
package main

import (
	"latchkey/functions/recovery"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(recovery.New) }
