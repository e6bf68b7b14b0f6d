package starts

import (
	"bytes"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"latchkey/flowtest/bench"
	"latchkey/functions/authorizer"
	"latchkey/shared/apigw"
	"latchkey/shared/env"
)

// warm is the authorizer in this process, and an event of somebody who is signed
// in. It counts nobody's work but its own: its table needs no connection.
func warm(t testing.TB) (lambda.Handler, []byte) {
	t.Helper()
	w, s := recorded(t), &stub{}
	r := w.find("authorizer")
	s.play(r)
	log := slog.New(slog.DiscardHandler)
	decide, err := authorizer.New(t.Context(), env.Config{
		Getenv: func(name string) string { return w.vars[name] }, Now: time.Now, HTTP: &http.Client{Transport: s}, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return apigw.AdaptAuthorizer(decide, log), r.event
}

// allow asks once and wants a yes.
func allow(t testing.TB, f lambda.Handler, event []byte) {
	out, err := f.Invoke(t.Context(), event)
	if err != nil || !strings.Contains(string(out), `"isAuthorized":true`) {
		t.Fatalf("%s, %v", out, err)
	}
}

// BenchmarkAuthorizer is one warm answer without the Runtime API and without a
// network.
func BenchmarkAuthorizer(b *testing.B) {
	f, event := warm(b)
	b.ReportAllocs()
	for b.Loop() {
		allow(b, f, event)
	}
}

// A warm answer allocates no more than it did when this was written (796 times,
// most of them in the SDK) and a little. With the SDK's schemas it was 608, for a
// longer start (docs/flow.md).
func TestAuthorizerAllocations(t *testing.T) {
	const most = 880
	f, event := warm(t)
	allow(t, f, event)
	n := testing.AllocsPerRun(50, func() { allow(t, f, event) })
	t.Logf("%.0f allocations", n)
	if n > most {
		t.Errorf("%.0f allocations, want %d at most", n, most)
	}
}

// The authorizer is asked before every request of the owner's own routes. What
// only other steps need is not even linked into it.
func TestAuthorizerLinksNoVendor(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "lambda.norpc,nethttpomithttp2", "./functions/authorizer/lambda")
	cmd.Dir = bench.Root()
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if !slices.Contains(deps, "latchkey/shared/session") {
		t.Fatalf("these are not its dependencies: %v", deps)
	}
	for _, path := range deps {
		for _, heavy := range []string{
			"github.com/twilio/twilio-go", "github.com/nyaruka/phonenumbers", "rsc.io/qr", "golang.org/x/crypto/bcrypt",
			"github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/service/eventbridge", "net/rpc",
		} {
			if path == heavy || strings.HasPrefix(path, heavy+"/") {
				t.Errorf("it links %s", path)
			}
		}
	}
}

// The bootstrap starts, answers, and is at most half again as large as hello's.
// The linker has left out how pages are rendered: it shows none.
func TestAuthorizerBesideHello(t *testing.T) {
	list := recorded(t).functions("authorizer")
	list = []*function{list[0], list[len(list)-1]}
	content := make([][]byte, len(list))
	for i, f := range list {
		err := f.build(t)
		if err != nil {
			t.Fatal(err)
		}
		content[i], err = os.ReadFile(f.file)
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(content[1]) > len(content[0])*3/2 {
		t.Errorf("%d bytes, hello has %d", len(content[1]), len(content[0]))
	}
	has := func(name string) bool { return bytes.Contains(content[1], []byte(name)) }
	if !has("session.(*Guard).Full") {
		t.Fatal("the bootstrap does not name its functions")
	}
	for _, name := range []string{"text/template.(*Template).Execute", "text/template/parse.Parse", "web.(*Site).Render"} {
		if has(name) {
			t.Errorf("%s is linked", name)
		}
	}
	for i, m := range measure(t, list, plan{rounds: 1, events: 20}) {
		if m.bare <= 0 || m.plain.first <= 0 || len(m.secure.wall) != 1 || m.late.first <= 0 {
			t.Errorf("%s: %+v", list[i].name, m)
		}
	}
}
