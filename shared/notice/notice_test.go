package notice_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/flowtest/bench"
	"latchkey/shared/env"
	"latchkey/shared/notice"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

const (
	ada = "+14155552671"
	bob = "+14155552672"
)

// A phone is told ten times a day, whatever comes of it, and others are told as often;
// what cannot be counted is not sent.
func TestSend(t *testing.T) {
	t.Parallel()
	var asked, failing atomic.Int32
	vendor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if failing.Load() > 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"sid":"SM`+strings.Repeat("0", 32)+`"}`)
	}))
	t.Cleanup(vendor.Close)
	b := bench.Open(t)
	for name, value := range map[string]string{
		"TWILIO_ACCOUNT_SID": "AC" + strings.Repeat("0", 32), "TWILIO_AUTH_TOKEN": "token", "TWILIO_NUMBER": "+15005550006", "TWILIO_API_URL": vendor.URL,
	} {
		b.Vars[name] = value
	}
	cfg := b.Config()
	vars := env.Read(cfg)
	texts := notice.New(cfg, vars, b.Table)
	err := vars.Err()
	if err != nil || !texts.On() {
		t.Fatal(err)
	}
	for n := range 10 {
		failing.Store(int32(n % 2))
		err := texts.Send(t.Context(), ada, "x")
		if (err != nil) != (n%2 == 1) || errors.Is(err, notice.ErrEnough) {
			t.Errorf("notice %d: %v", n+1, err)
		}
	}
	failing.Store(0)
	for range 2 {
		err = texts.Send(t.Context(), ada, "x")
		if !errors.Is(err, notice.ErrEnough) || asked.Load() != 10 {
			t.Errorf("the eleventh: %v, %d texts", err, asked.Load())
		}
	}
	err = texts.Send(t.Context(), bob, "x")
	if err != nil || asked.Load() != 11 {
		t.Errorf("another phone: %v, %d texts", err, asked.Load())
	}
	b.Clock.Advance(24 * time.Hour)
	err = texts.Send(t.Context(), ada, "x")
	if err != nil || asked.Load() != 12 {
		t.Errorf("the next day: %v, %d texts", err, asked.Load())
	}
	b.Wire.Break(func(c bench.Call) bench.Fault {
		if c.Table {
			return bench.Lost
		}
		return bench.None
	})
	err = texts.Send(t.Context(), bob, "x")
	if err == nil || errors.Is(err, notice.ErrEnough) || asked.Load() != 12 {
		t.Errorf("without the table: %v, %d texts", err, asked.Load())
	}
}
