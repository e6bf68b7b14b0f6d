// Package notice tells a person by text what was changed about the account, to the
// phone that it was proved by.
//
// Who changes things for as long as somebody pays for the texts is no person: a
// number that earns by being texted could be proved once and be told without end
// (R-103, T-28). So a phone is told ten times a day. The eleventh change is made all the same.
//
// It must not know what is told.
package notice

import (
	"context"
	"errors"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/message"
	"latchkey/shared/phone"
	"latchkey/shared/store"
)

// perDay is how many notices a phone gets in a day of UTC.
const perDay = 10

// ErrEnough: the phone had all of the day's notices.
var ErrEnough = errors.New("the phone was told often enough for a day")

// Texts are sent to those whose account it is.
type Texts struct {
	texts *message.Client
	table *store.Table
	now   func() time.Time
}

// New reads what package message reads. Faults go to vars.
func New(cfg env.Config, vars *env.Vars, table *store.Table) *Texts {
	return &Texts{message.New(cfg, vars), table, cfg.Now}
}

// On reports whether the deployment sends texts at all.
func (t *Texts) On() bool { return t.texts.On() }

// Send makes one attempt, as message.Client's, or says ErrEnough. An attempt counts
// whatever comes of it. If the table fails nothing is sent.
func (t *Texts) Send(ctx context.Context, to phone.Number, body string) error {
	err := t.table.Count(ctx, store.Counter{Rule: "notices", Subject: string(to), Max: perDay, Window: 24 * time.Hour}, t.now())
	var limited *store.Limited
	if errors.As(err, &limited) {
		return ErrEnough
	}
	if err != nil {
		return err
	}
	return t.texts.Send(ctx, to, body)
}
