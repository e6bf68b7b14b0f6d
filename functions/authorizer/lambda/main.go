// Command lambda is the authorizer as a Lambda function.
package main

import (
	"latchkey/functions/authorizer"
	"latchkey/shared/apigw"
)

func main() { apigw.StartAuthorizer(authorizer.New) }
