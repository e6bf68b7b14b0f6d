// Command bootstrap is a Lambda function that does what its event says, for the tests of the
// runtime. It is built with the library that the product's functions use.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type event struct {
	Do   string
	N    int // milliseconds, or bytes
	Text string
}

type answer struct {
	PID      int
	Text     string
	Env      []string
	Request  string
	Function string
	Left     int64 // milliseconds to the deadline
}

func main() {
	switch os.Getenv("INIT") {
	case "exit":
		fmt.Println("cannot start")
		os.Exit(7)
	case "hang":
		time.Sleep(time.Hour)
	}
	fmt.Fprint(os.Stderr, os.Getenv("HELLO"))
	if os.Getenv("SIGTERM") != "" {
		lambda.StartWithOptions(handle, lambda.WithEnableSIGTERM(func() { fmt.Println("told to end") }))
	}
	lambda.Start(handle)
}

func handle(ctx context.Context, e event) (answer, error) {
	a := answer{PID: os.Getpid(), Text: os.Getenv("VERSION") + e.Text, Env: os.Environ()}
	deadline, _ := ctx.Deadline()
	a.Left = time.Until(deadline).Milliseconds()
	call, _ := lambdacontext.FromContext(ctx)
	a.Request, a.Function = call.AwsRequestID, call.InvokedFunctionArn
	switch e.Do {
	case "sleep": // deaf to the context
		time.Sleep(time.Duration(e.N) * time.Millisecond)
	case "panic":
		panic("on purpose")
	case "exit":
		os.Exit(3)
	case "error":
		return a, errors.New("on purpose")
	case "big":
		a.Text = strings.Repeat("x", e.N)
	case "print":
		fmt.Println(e.Text)
	}
	return a, nil
}
