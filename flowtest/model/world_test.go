package model

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"latchkey/flowtest/rig"
)

// cookie is a session's, taken apart.
type cookie struct {
	id, secret string
	hash       string // of the secret, as the table has it
	value      string
}

func parse(value string) cookie {
	part := strings.Split(value, ".")
	if len(part) < 3 {
		return cookie{}
	}
	sum := sha256.Sum256([]byte(part[2]))
	return cookie{part[1], part[2], base64.StdEncoding.EncodeToString(sum[:]), value}
}

// browser is one, at an address of its own.
type browser struct {
	name    string
	v       *rig.Visitor
	network string
	app     *url.URL
	frozen  map[string]string // its cookies when it made the request that the model looks at
}

// freeze lets the model see the browser's cookies as they are now.
func (b *browser) freeze() {
	frozen := map[string]string{}
	for _, name := range []string{"session", "step", "device"} {
		frozen[name] = b.jar(name)
	}
	b.frozen = frozen
}

// thaw lets it see them as they are.
func (b *browser) thaw() { b.frozen = nil }

func (b *browser) jar(name string) string {
	if b.frozen != nil {
		return b.frozen[name]
	}
	for _, c := range b.v.Client.Jar.Cookies(b.app) {
		if c.Name == "latchkey-"+name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) cookie() cookie { return parse(b.jar("session")) }

// token is the cookie of the step that the browser is at.
func (b *browser) token() cookie {
	c := parse(b.jar("step"))
	if c.id != "" {
		return c
	}
	return b.cookie()
}

// device is the id of the mark by which the browser claims to be known to an
// email address, "" if it does not.
func (b *browser) device(email string) string {
	value := b.jar("device")
	if !strings.HasPrefix(value, hashed(email)+".") {
		return ""
	}
	return parse(value).id
}

// hashed is how an address stands in a key.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// person types the same every time.
type person struct {
	email, password, phone string
}

// letter is a vendor's callback that was kept back.
type letter struct {
	rig.Letter
	push *push
}

// world is one history: its people and phones, its browsers, what is so by the
// model, and what was seen.
type world struct {
	t      rapid.TB
	r      *rig.Rig
	h      *rig.Handset
	m      *spec
	vendor string
	n      int // of the history

	people   []*person
	phones   []string
	browsers []*browser
	forms    []*form // that were sent, oldest first
	letters  []*letter
	typed    []string // codes that were typed, oldest first

	read    map[string]int  // messages that were read, by phone
	secrets map[string]bool // what no log and nobody else may see
	hidden  []string        // what no log may see, and only its owner was shown

	scans    int            // factors that were put onto phones
	lastScan map[string]int // which of them is the authenticator on a phone
	apps     map[string]*app // that were ever installed on a phone
	tally    *tally
	story    []string
	log      string // of the last request
	refusal  string // what who may not log in is told
	seeds    int    // of forms about an account
	awaits   int    // requests that may still wait for a dead twin, in real time
}

func (w *world) now() time.Time { return w.r.Clock.Now() }

// newBrowser is a stranger's or an owner's new one.
func (w *world) newBrowser() *browser {
	i := len(w.browsers)
	b := &browser{name: fmt.Sprintf("browser %d", i), v: w.r.Visitor(true), network: fmt.Sprintf("10.%d.%d.%d", w.n>>8&255, w.n&255, i+1)}
	b.v.From(b.network)
	u, err := url.Parse(w.r.App)
	if err != nil {
		w.t.Fatal(err)
	}
	b.app = u
	w.browsers = append(w.browsers, b)
	return b
}

// newWorld has three browsers, three people, and two phones: two people share
// one.
func newWorld(t rapid.TB, r *rig.Rig, vendor string, n int, counts *tally) *world {
	w := &world{
		t: t, r: r, h: r.Handset(), vendor: vendor, n: n, m: newSpec(r.Clock.Now, vendor == "authy"),
		read: map[string]int{}, secrets: map[string]bool{}, lastScan: map[string]int{}, apps: map[string]*app{}, tally: counts,
	}
	for i := range 2 {
		w.phones = append(w.phones, fmt.Sprintf("+1415555%04d", (2*n+i)%10000))
	}
	for i, phone := range []string{w.phones[0], w.phones[1], w.phones[0]} {
		p := &person{fmt.Sprintf("p%d-%d@example.com", n, i), fmt.Sprintf("horse battery %d-%d", n, i), phone}
		w.people = append(w.people, p)
		w.keep(p.password, p.email)
	}
	for _, phone := range w.phones {
		w.keep(phone[1:], phone[2:])
	}
	for range 3 {
		w.newBrowser()
	}
	return w
}

// keep is what must not be seen where it does not belong (I-29).
func (w *world) keep(secrets ...string) {
	for _, s := range secrets {
		if s != "" {
			w.secrets[s] = true
		}
	}
}

// keepHidden is keep for what its owner was shown once.
func (w *world) keepHidden(secret string) { w.hidden = append(w.hidden, secret) }

func (w *world) tell(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	w.story = append(w.story, line)
	w.t.Log(line)
}

var digits = regexp.MustCompile(`\b\d{6,7}\b`)

// collect reads the phones: what came is what the model says has come, and
// nothing else (I-20d). After trouble it takes what came as it is: codes of the
// flow that was under way.
func (w *world) collect(flow string, trouble bool) {
	for _, phone := range w.phones {
		list := w.h.Messages(phone)
		news := list[min(w.read[phone], len(list)):]
		w.read[phone] = len(list)
		for _, msg := range news {
			w.arrived(phone, digits.FindString(msg.Body), flow, trouble)
		}
		if left := len(w.m.arriving[phone]); left > 0 {
			w.t.Fatalf("%s was not sent %d messages that it should have been\n%s", phone, left, w.calls())
		}
	}
}

func (w *world) arrived(phone, text, flow string, trouble bool) {
	waiting := w.m.arriving[phone]
	i := slices.IndexFunc(waiting, func(c *code) bool { return (c == nil) == (text == "") })
	if i < 0 && (!trouble || text != "" && flow == "") {
		w.t.Fatalf("%s was sent a message that nobody asked for (code: %v)", phone, text != "")
	}
	if i < 0 && text == "" {
		return
	}
	if i < 0 {
		w.m.send(flow, phone)
		waiting = w.m.arriving[phone]
		i = len(waiting) - 1
	}
	c := waiting[i]
	w.m.arriving[phone] = slices.Delete(waiting, i, i+1)
	if c == nil {
		return
	}
	if c.text != "" && c.text != text {
		w.t.Fatalf("%s was sent another code while the one before was good", phone)
	}
	c.text = text
	w.keep(text)
}

// calls are those of the last request, for whoever looks for what went wrong.
func (w *world) calls() string {
	var s strings.Builder
	for _, c := range w.r.Wire.Calls() {
		fmt.Fprintf(&s, "%s %s %d\n", c.Step, c.Name, c.Status)
	}
	s.WriteString(w.log)
	return s.String()
}

// pushes checks that each phone was asked as often as the model says. Of a device
// that was removed the vendor forgets what was not answered.
func (w *world) pushes() {
	for _, phone := range w.phones {
		least, most := 0, 0
		for _, p := range w.m.asked {
			if p.phone() != phone {
				continue
			}
			most++
			if p.answer != "" || p.device == nil || slices.Contains(p.account.factors, p.device) {
				least++
			}
		}
		if got := len(w.h.Approvals(phone)); got < least || got > most {
			w.t.Fatalf("%s was asked %d times, not %d (I-20c)", phone, got, most)
		}
	}
}

func (p *push) phone() string {
	if p.device != nil {
		return p.device.phone
	}
	return p.where
}
