// Command lambda is the step account as a Lambda function.
package main

import (
	"latchkey/functions/account"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(account.New) }
