package session_test

import (
	"os"
	"testing"

	"latchkey/flowtest/bench"
	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/web"
)

func TestMain(m *testing.M) { os.Exit(bench.Main(m)) }

// start is the time at which every test begins.
var start = bench.Start

// gate is a guard and the table behind it.
type gate struct {
	*bench.Table
	guard *session.Guard
	site  *web.Site
}

// open makes a gate whose variables are the given NAME=value.
func open(t testing.TB, set ...string) *gate {
	t.Helper()
	b := &gate{Table: bench.Open(t)}
	b.Set(set...)
	cfg := b.Config()
	v := env.Read(cfg)
	b.site = web.New(cfg, v)
	b.guard = session.NewGuard(cfg, v, b.Table.Table, b.site)
	err := v.Err()
	if err != nil {
		t.Fatal(err)
	}
	return b
}
