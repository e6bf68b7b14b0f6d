package main

import (
	"context"
	"errors"

	"latchkey/shared/env"
	"latchkey/shared/store"
)

// reach opens the table, if this shell leads to one.
func (v *checkup) reach() *store.Table {
	if len(v.lacks()) > 0 {
		return nil
	}
	vars := env.Read(v.shell)
	cfg := v.cfg
	cfg.Getenv = v.shell.Getenv
	table := store.Open(cfg, vars)
	if vars.Err() != nil {
		return nil // the configuration's checks say why
	}
	return table
}

// lacks are the variables without which no table is meant.
func (v *checkup) lacks() []string {
	names := []string{"TABLE_NAME", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
	if v.shell.Getenv("AWS_ENDPOINT_URL_DYNAMODB") == "" {
		names = append(names, "AWS_REGION")
	}
	var missing []string
	for _, name := range names {
		if v.shell.Getenv(name) == "" {
			missing = append(missing, name)
		}
	}
	return missing
}

// tables reads what cannot be there: a user's key is a hash, and nobody's is this.
func (v *checkup) tables(ctx context.Context) []finding {
	const check = "table"
	if v.table == nil {
		return []finding{found(skipped, check, "Before the first deployment there is none. Afterwards: export TABLE_NAME=the-table AWS_REGION=… and eval $(aws configure export-credentials --format env)",
			"it was not asked: this shell does not say where it is and how to sign for it")}
	}
	_, err := v.table.User(ctx, "doctor")
	if errors.Is(err, store.ErrNotFound) {
		return []finding{good(check, "%s answers, and has the keys pk and sk", v.shell.Getenv("TABLE_NAME"))}
	}
	var coded interface{ ErrorCode() string }
	code := ""
	if errors.As(err, &coded) {
		code = coded.ErrorCode()
	}
	switch code {
	case "":
		return []finding{found(faulty, check, "Check AWS_REGION and the network", "it did not answer in time")}
	case "ResourceNotFoundException":
		return []finding{found(faulty, check, "Take the name from the stack: aws cloudformation describe-stack-resource --logical-resource-id Table --stack-name …", "there is none of this name in this region")}
	case "AccessDeniedException":
		return []finding{found(faulty, check, "Give whoever runs this dynamodb:GetItem on the table's ARN", "these credentials may not read it")}
	case "ValidationException":
		return []finding{found(faulty, check, "The template makes it with the keys pk and sk, both texts: another table is named here", "its keys are other ones")}
	}
	return []finding{found(faulty, check, "Check the AWS_ credentials (eval $(aws configure export-credentials --format env)) and AWS_REGION", "it answered %s", code)}
}
