package store

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// fault says what could not be done, and how it is mended where a deployment is
// wrong rather than the table out of order: then it does not mend itself.
func fault(err error, doing string) error {
	var missing *types.ResourceNotFoundException
	var api smithy.APIError
	switch {
	case errors.As(err, &missing):
		return fmt.Errorf("%s: the table that TABLE_NAME names is not in AWS_REGION; deploy the stack, or mend the name: %w", doing, err)
	case !errors.As(err, &api):
	case api.ErrorCode() == "AccessDeniedException":
		return fmt.Errorf("%s: the function's role may not do this; the step's policy in the template must name the action and the table: %w", doing, err)
	case api.ErrorCode() == "UnrecognizedClientException", api.ErrorCode() == "ExpiredTokenException", api.ErrorCode() == "InvalidSignatureException":
		return fmt.Errorf("%s: the AWS credentials are not accepted; they are another account's, or old: %w", doing, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
