package otp_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/otp"
)

func TestChannels(t *testing.T) {
	for _, c := range []struct {
		set  string
		want []otp.Channel
		ok   bool
	}{
		{"", []otp.Channel{otp.SMS}, true},
		{" , ", []otp.Channel{otp.SMS}, true},
		{"sms", []otp.Channel{otp.SMS}, true},
		{"call", []otp.Channel{otp.Call}, true},
		{"whatsapp, sms ,call", []otp.Channel{otp.WhatsApp, otp.SMS, otp.Call}, true},
		{"SMS", nil, false}, {"sms,email", nil, false}, {"sms;call", nil, false},
	} {
		vars := env.Read(env.Config{Getenv: func(string) string { return c.set }})
		got := otp.Channels(vars)
		if (vars.Err() == nil) != c.ok || c.ok && !slices.Equal(got, c.want) {
			t.Errorf("%q: %q %v, want %q", c.set, got, vars.Err(), c.want)
		}
	}
}

func TestLimitedNamesTheWait(t *testing.T) {
	err := error(&otp.LimitedError{After: 90 * time.Second})
	if !strings.Contains(err.Error(), "1m30s") {
		t.Errorf("%q", err)
	}
	if errors.Is(err, otp.ErrUnavailable) || errors.Is(err, otp.ErrGone) {
		t.Error("a wait passes for another fault")
	}
}

// A caller branches on them, so no two may be one.
func TestErrorsDiffer(t *testing.T) {
	all := []error{otp.ErrWrong, otp.ErrGone, otp.ErrUnreachable, otp.ErrUnavailable}
	for i, a := range all {
		for j, b := range all {
			if errors.Is(a, b) != (i == j) {
				t.Errorf("%v is %v", a, b)
			}
		}
	}
}
