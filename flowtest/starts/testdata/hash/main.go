// Command hash is hello with one bcrypt of the price that passwords have when
// deployed: what sign-up and login are measured beside.
package main

import (
	"context"
	"os"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"golang.org/x/crypto/bcrypt"
)

func main() {
	cost, err := strconv.Atoi(os.Getenv("BCRYPT_COST"))
	if err != nil {
		cost = bcrypt.DefaultCost
	}
	lambda.Start(func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		_, err := bcrypt.GenerateFromPassword([]byte("correct horse battery"), cost)
		return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: "hashed"}, err
	})
}
