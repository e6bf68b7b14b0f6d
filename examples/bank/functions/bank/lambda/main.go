// Command lambda is the bank's pages as a Lambda function.
package main

import (
	"latchkey/examples/bank/functions/bank"
	"latchkey/shared/apigw"
)

func main() { apigw.Start(bank.New) }
