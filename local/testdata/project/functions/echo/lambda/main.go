// Command lambda is the step echo.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/functions/echo"
)

func main() { lambda.Start(echo.Handle) }
