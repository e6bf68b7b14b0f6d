//go:build linux

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	soakers   = 8                // who use the stack side by side
	warmUp    = 20 * time.Second // or a tenth of the whole, if that is shorter
	mostAsked = 4                // times that a polite person asks for another code
	changing  = time.Second      // of the weather, about
)

// soak is one long use of a stack.
type soak struct {
	t      *testing.T
	s      *stack
	meter  *meter
	people holders

	faults, gaveUp, expired, doubled, lost, logins, forgotten atomic.Int64

	mu        sync.Mutex
	once, had int // who asked for one text, and the texts they had
}

// Many people sign up, log in and out for as long as SOAK says, in a weather that
// changes every second. Every request is answered, nobody's account or session is
// lost, who asks once has one text, functions do not grow, and nothing is left
// behind (R-092, R-143, R-144; F-21, F-22, F-26).
func TestSoak(t *testing.T) {
	if os.Getenv("SOAK") == "" {
		t.Skip("SOAK is for how long to run, such as 5m: make soak")
	}
	length, err := time.ParseDuration(os.Getenv("SOAK"))
	if err != nil || length <= 0 {
		t.Fatalf("SOAK is no duration such as 5m: %v", err)
	}
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("SEED"), fmt.Sprint(rand.Uint64())), 10, 64)
	if err != nil {
		t.Fatalf("SEED is no number: %v", err)
	}
	provider := cmp.Or(os.Getenv("PROVIDER"), "verify")
	t.Logf("%v with %s, SEED=%d", length, provider, seed)
	// Waits of a second, and as many texts as can be had: who meets bad weather needs
	// them. Pushes are open and remembered for less than a run takes.
	s := newWorkshop(t).newStack(t, provider, "SEND_WAITS="+strings.Repeat(",1s", 10)[1:], "SIGNUP_SENDS_PER_DAY=10", "LOGIN_SENDS_PER_DAY=10",
		"APPROVAL_LIFE=30s", "PUSH_PAUSE=10s", "PUSH_WINDOW=1m")
	k := &soak{t: t, s: s, meter: newMeter()}
	s.transport = k.meter
	began := time.Now()
	before, at, after := k.use(began.Add(length), min(warmUp, length/10), seed)
	used, most := time.Since(began), k.people.count()
	k.check(seed)
	s.stop()
	left := len(s.processes(""))
	t.Log(table(func(w io.Writer) {
		fmt.Fprintf(w, "\n%s\t%v, and %v to look at all accounts\n", provider, used.Round(time.Second), (time.Since(began) - used).Round(time.Second))
		k.meter.requests(w)
		k.write(w)
		fmt.Fprintf(w, "engine's memory for an account\t%d KiB\n", (after[engine]-before[engine])/max(most-at, 1)>>10)
		fmt.Fprintf(w, "processes that ended unasked\t%d\n", strings.Count(s.out.String(), ": process ended: "))
		fmt.Fprintf(w, "processes left after the stop\t%d\n", left)
		before.write(w, after)
		k.meter.times(w)
	}))
	k.judge(before.grown(after))
}

// use lasts until the end, and returns what is resident after the warm-up, with how
// many accounts there were, and in the end.
func (k *soak) use(end time.Time, warm time.Duration, seed uint64) (before resident, at int, after resident) {
	bad, fair := context.WithCancel(k.t.Context())
	defer fair()
	var weather, guests sync.WaitGroup
	weather.Go(func() { k.weather(bad, rand.New(rand.NewPCG(seed, 0))) })
	for i := range uint64(soakers) {
		g := &guest{k: k, rng: rand.New(rand.NewPCG(seed, i+1))}
		guests.Go(func() {
			for time.Now().Before(end) && !k.t.Failed() {
				g.story()
			}
		})
	}
	time.Sleep(warm)
	before, at = k.s.resident(), k.people.count()
	guests.Wait()
	after = k.s.resident()
	fair()
	weather.Wait()
	k.s.handset(k.t).Weather(`{"callbacks":"deliver","sms":"deliver","api":"ok"}`)
	return before, at, after
}

// weather changes it until ctx ends.
func (k *soak) weather(ctx context.Context, rng *rand.Rand) {
	h := k.s.handset(k.t)
	pick := func(words ...string) string { return words[rng.IntN(len(words))] }
	for ctx.Err() == nil {
		h.Weather(fmt.Sprintf(`{"callbacks":%q,"sms":%q,"api":%q}`,
			pick("deliver", "drop", "duplicate", "reorder", "early", "delay:2s"),
			pick("deliver", "deliver", "deliver", "deliver", "deliver", "drop"),
			pick("ok", "ok", "ok", "ok", "ok", "ok", "slow:300ms", "slow:2s", "429", "500")))
		select {
		case <-ctx.Done():
		case <-time.After(changing/2 + rand.N(changing)):
		}
	}
}

// texted finds the code in a message.
var texted = regexp.MustCompile(`\b\d{6,7}\b`)

// codes is how many a phone had.
func (k *soak) codes(a *holder) int {
	n := 0
	for _, m := range k.s.handset(k.t).Messages(a.phone) {
		if texted.MatchString(m.Body) {
			n++
		}
	}
	return n
}

// count counts somebody who asked for one code.
func (k *soak) count(a *holder) {
	codes := k.codes(a)
	if codes != 1 {
		k.t.Errorf("%d codes for somebody who asked once", codes)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.once++
	k.had += codes
}

// check looks at every account that was acknowledged, in fair weather.
func (k *soak) check(seed uint64) {
	next := make(chan *holder)
	var guests sync.WaitGroup
	for i := range uint64(soakers) {
		g := &guest{k: k, rng: rand.New(rand.NewPCG(seed, i+1))}
		guests.Go(func() {
			for a := range next {
				if !g.finds(a) {
					k.forgotten.Add(1)
				}
			}
		})
	}
	for _, a := range k.people.all {
		next <- a
	}
	close(next)
	guests.Wait()
}

// finds reports whether all of an account is as its person was told.
func (g *guest) finds(a *holder) bool {
	ok := true
	if a.once && a.texts == 0 && g.k.codes(a) > 1 { // none if the simulated phone was forgotten
		g.k.t.Error("another code came afterwards")
	}
	for _, cookie := range a.live {
		ok = g.sees(a, cookie, true) && ok
	}
	for _, cookie := range a.dead {
		ok = g.sees(a, cookie, false) && ok
	}
	if !g.enter(a, approves) {
		g.k.t.Errorf("nobody gets in any more: %v", a)
		return false
	}
	return ok
}

// write tells what people had of it.
func (k *soak) write(w io.Writer) {
	fmt.Fprintf(w, "sent twice at once, sent again\t%d, %d\n", k.doubled.Load(), k.lost.Load())
	fmt.Fprintf(w, "accounts acknowledged\t%d\n", k.people.count())
	fmt.Fprintf(w, "accounts lost\t%d\n", k.forgotten.Load())
	fmt.Fprintf(w, "logins\t%d, and %d not approved in time\n", k.logins.Load(), k.expired.Load())
	fmt.Fprintf(w, "gave up for want of a code\t%d\n", k.gaveUp.Load())
	fmt.Fprintf(w, "texts for a sign-up that asks once\t%d for %d, %.3f\n", k.had, k.once, k.ratio())
}

func (k *soak) ratio() float64 { return float64(k.had) / float64(max(k.once, 1)) }

// judge fails the test for what must not be. What is left behind the stack's own
// stop tells.
func (k *soak) judge(grown []string) {
	if k.meter.unanswered > 0 || k.forgotten.Load() > 0 || k.had != k.once {
		k.t.Errorf("%d unanswered, %d accounts lost, %.3f texts for a sign-up", k.meter.unanswered, k.forgotten.Load(), k.ratio())
	}
	if len(grown) > 0 {
		k.t.Errorf("more memory than after the warm-up: %v", grown)
	}
	if k.once == 0 || k.logins.Load() == 0 || k.doubled.Load() == 0 || k.lost.Load() == 0 {
		k.t.Error("too little happened to say anything")
	}
}
