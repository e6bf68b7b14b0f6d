// Command lambda is what hears of decisions as a Lambda function.
package main

import (
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/examples/bank/functions/settle"
)

func main() { lambda.Start(settle.Hear(slog.New(slog.NewJSONHandler(os.Stderr, nil)))) }
