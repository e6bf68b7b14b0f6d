package otp_test

import (
	"context"
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

type vendor struct{ otp.Codes }

func (vendor) Check(context.Context, otp.Target, string, string) error { return nil }

func TestProviders(t *testing.T) {
	p := otp.Providers{"known": vendor{}}
	c, err := p.For("known")
	if err != nil || c == nil {
		t.Errorf("known vendor: %v %v", c, err)
	}
	for _, name := range []string{"", "other", "Known"} {
		c, err := p.For(name)
		if c != nil || !errors.Is(err, otp.ErrUnavailable) {
			t.Errorf("vendor %q: %v %v, want ErrUnavailable", name, c, err)
		}
	}
	_, err = otp.Providers(nil).For("known")
	if !errors.Is(err, otp.ErrUnavailable) {
		t.Errorf("no vendors: %v", err)
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
