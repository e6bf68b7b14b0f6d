// Command latchkey is the operator's: it looks at and changes what the functions
// keep, for who has the table's keys and no session. commands.go lists what it
// can do.
//
// It must not show what opens something: no hash, secret, salt or token, but
// for the one recovery code that `user reset` makes to be handed over.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"time"

	"latchkey/shared/env"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], env.Config{
		Getenv: os.Getenv, Now: time.Now, HTTP: &http.Client{Timeout: 5 * time.Second}, Log: slog.New(slog.DiscardHandler),
	}, os.Stdout, os.Stderr))
}
