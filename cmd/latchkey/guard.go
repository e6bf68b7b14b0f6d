package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"latchkey/shared/budget"
	"latchkey/shared/env"
	"latchkey/shared/store"
)

const guardHelp = `latchkey guard shows what texts are sent, and what the spend guard makes of those to strangers.

    latchkey guard                today's texts, and by country and prefix (a number without its last
                                  four digits) how many of the phones were proved, and what is blocked
    latchkey guard --all          all prefixes, not only the twenty that matter most
    latchkey guard lift US        ends a block of a country
    latchkey guard lift +1415555  ends a block of a prefix, also written US#+1415555

A lifted country or prefix begins anew, with no texts counted. --json prints a JSON document instead of
text. The program ends with 0, with 1 if it could not be done, and with 2 if the arguments are wrong.

The caps that are shown, and the window, which is as long as GUARD_PAUSE, are this shell's settings
(SENDS_PER_DAY, SENDS_PER_COUNTRY, GUARD_PAUSE) or the defaults: set here what the stack has.

` + whereTheTableIs

// post is where a guard's command stands.
type post struct {
	place
	now       time.Time
	out       io.Writer
	json, all bool
	guard     *budget.Guard
	flows     map[store.Flow]*budget.Budget
}

// guard is the command.
func guard(ctx context.Context, args []string, cfg env.Config, stdout, stderr io.Writer) error {
	p := &post{now: cfg.Now().UTC(), out: stdout}
	var words []string
	for _, arg := range args {
		switch {
		case helps(arg):
			return explain(stdout, guardHelp)
		case arg == "--json":
			p.json = true
		case arg == "--all":
			p.all = true
		case strings.HasPrefix(arg, "-"):
			return wrong("`latchkey guard` has no flag %s.", arg)
		default:
			words = append(words, arg)
		}
	}
	lifts := len(words) > 0 && words[0] == "lift"
	switch {
	case lifts && (len(words) != 2 || p.all):
		return wrong("Write it as `latchkey guard lift US` or `latchkey guard lift +1415555`.")
	case lifts && !subjectForm.MatchString(words[1]):
		return wrong("%q is neither a country, such as US, nor a prefix, such as +1415555 or US#+1415555.", words[1])
	case !lifts && len(words) > 0:
		return wrong("There is no `latchkey guard %s`: `latchkey guard -h` lists what there is.", words[0])
	}
	err := p.open(cfg, stderr)
	if err != nil {
		return err
	}
	if lifts {
		return p.lift(ctx, words[1])
	}
	return p.report(ctx)
}

// subjectForm is a country's code, or a number without its last four digits,
// with or without its country's.
var subjectForm = regexp.MustCompile(`^([A-Z]{2}|([A-Z]{2}#)?\+[1-9][0-9]{2,10})$`)

func (p *post) open(cfg env.Config, stderr io.Writer) error {
	var err error
	p.place, err = open(cfg, stderr)
	if err != nil {
		return err
	}
	vars := env.Read(p.cfg)
	p.guard = budget.NewGuard(p.cfg, vars, p.Table)
	p.flows = map[store.Flow]*budget.Budget{
		store.Signup: budget.New(p.cfg, vars, p.Table, store.Signup),
		store.Login:  budget.New(p.cfg, vars, p.Table, store.Login),
	}
	err = vars.Err()
	if err != nil {
		return unable("%s.", strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// spending is what guard shows.
type spending struct {
	Table     string    `json:"table"`
	Caps      string    `json:"caps"` // whose they are
	Flows     []flowSum `json:"flows"`
	Since     time.Time `json:"since"` // the window of the rest
	Until     time.Time `json:"until"`
	Countries []traffic `json:"countries"`
	Prefixes  []traffic `json:"prefixes"`
	More      int       `json:"more_prefixes"` // that are not listed
}

// flowSum is a flow's texts of today.
type flowSum struct {
	Flow  string `json:"flow"`
	Sends int    `json:"sends"`
	Max   int    `json:"max"`
}

// traffic is one country's or prefix's texts to strangers.
type traffic struct {
	Subject      string    `json:"subject"` // what lift takes
	Sends        int       `json:"sends"`
	Proofs       int       `json:"proofs"`
	Ratio        *int      `json:"ratio,omitempty"` // percent; none without sends
	Today        *flowSum  `json:"today,omitempty"` // a country's, of sign-ups
	BlockedUntil time.Time `json:"blocked_until,omitzero"`
}

const shellsCaps = "The caps and the window are this shell's settings or the defaults; the stack's may be others."

// report reads the counters of today and all traffic of the guard's window.
func (p *post) report(ctx context.Context) error {
	from, to := store.Traffic{Window: p.guard.Pause()}.Span(p.now)
	s := spending{Table: p.name, Caps: shellsCaps, Since: from.UTC(), Until: to.UTC()}
	for _, flow := range []store.Flow{store.Signup, store.Login} {
		used, most, err := p.flows[flow].Today(ctx, p.now)
		if err != nil {
			return p.trouble(err)
		}
		s.Flows = append(s.Flows, flowSum{string(flow), used, most})
	}
	tallies, err := p.Tallies(ctx, p.guard.Pause(), p.now)
	if err != nil {
		return p.trouble(err)
	}
	s.Countries, s.Prefixes = p.sorted(tallies)
	for i, c := range s.Countries {
		used, most, err := p.flows[store.Signup].TodayTo(ctx, c.Subject, p.now)
		if err != nil {
			return p.trouble(err)
		}
		s.Countries[i].Today = &flowSum{string(store.Signup), used, most}
	}
	if most := 20; !p.all && len(s.Prefixes) > most {
		s.More = len(s.Prefixes) - most
		s.Prefixes = s.Prefixes[:most]
	}
	return say(p.out, p.json, s)
}

// sorted tells countries and prefixes apart, each with the blocked ones first
// and then by sends. A country that is not watched itself is the sum of its
// prefixes.
func (p *post) sorted(tallies []store.Tally) (countries, prefixes []traffic) {
	sums := map[string]store.Tally{}
	for _, t := range tallies {
		country, _, isPrefix := strings.Cut(t.Subject, "#")
		if isPrefix {
			prefixes = append(prefixes, p.traffic(t))
			sum := sums[country]
			sums[country] = store.Tally{Subject: country, Sends: sum.Sends + t.Sends, Proofs: sum.Proofs + t.Proofs}
		}
	}
	for _, t := range tallies {
		if !strings.Contains(t.Subject, "#") {
			sums[t.Subject] = t
		}
	}
	for _, t := range sums {
		countries = append(countries, p.traffic(t))
	}
	for _, list := range [][]traffic{countries, prefixes} {
		slices.SortFunc(list, func(a, b traffic) int {
			return cmp.Or(b.BlockedUntil.Compare(a.BlockedUntil), cmp.Compare(b.Sends, a.Sends), strings.Compare(a.Subject, b.Subject))
		})
	}
	return countries, prefixes
}

func (p *post) traffic(t store.Tally) traffic {
	v := traffic{Subject: t.Subject, Sends: t.Sends, Proofs: t.Proofs}
	if t.Sends > 0 {
		percent := t.Proofs * 100 / t.Sends
		v.Ratio = &percent
	}
	if t.Blocked(p.now) {
		v.BlockedUntil = t.BlockedUntil
	}
	return v
}

func (s spending) write(w io.Writer) {
	fmt.Fprintf(w, "Texts of today, since midnight UTC, in the table %s:\n\n", s.Table)
	for _, f := range s.Flows {
		fmt.Fprintf(w, "    %-8s %d of %d\n", f.Flow, f.Sends, f.Max)
	}
	fmt.Fprintf(w, "\nTexts to strangers from %s to %s:\n\n", stamp(s.Since), stamp(s.Until))
	if len(s.Countries) == 0 {
		fmt.Fprintln(w, "    none")
	}
	tabs := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name string, list []traffic) {
		if len(list) > 0 {
			fmt.Fprintf(tabs, "    %s\tsends\tproofs\tratio\tsign-ups today\tblocked until\n", name)
		}
		for _, t := range list {
			fmt.Fprintf(tabs, "    %s\t%d\t%d\t%s\t%s\t%s\n", t.Subject, t.Sends, t.Proofs, t.ratio(), t.today(), t.blocked())
		}
	}
	row("country", s.Countries)
	row("prefix", s.Prefixes)
	tabs.Flush() //nolint:errcheck // a buffer
	if s.More > 0 {
		fmt.Fprintf(w, "    … and %d more prefixes; --all lists them\n", s.More)
	}
	fmt.Fprintf(w, "\n%s\n", s.Caps)
}

func (t traffic) ratio() string {
	if t.Ratio == nil {
		return "-"
	}
	return fmt.Sprintf("%d %%", *t.Ratio)
}

func (t traffic) today() string {
	if t.Today == nil {
		return "-"
	}
	return fmt.Sprintf("%d of %d", t.Today.Sends, t.Today.Max)
}

func (t traffic) blocked() string {
	if t.BlockedUntil.IsZero() {
		return "-"
	}
	return stamp(t.BlockedUntil)
}

// lifted is what lift did.
type lifted struct {
	Lifted []string `json:"lifted"`
}

func (l lifted) write(w io.Writer) {
	fmt.Fprintf(w, "No longer blocked, and counted anew: %s.\n", strings.Join(l.Lifted, ", "))
}

// lift ends the blocks of a subject; of a prefix alone, in whatever country it
// lies.
func (p *post) lift(ctx context.Context, subject string) error {
	tallies, err := p.Tallies(ctx, p.guard.Pause(), p.now)
	if err != nil {
		return p.trouble(err)
	}
	var done lifted
	for _, t := range tallies {
		if !t.Blocked(p.now) || t.Subject != subject && !strings.HasSuffix(t.Subject, "#"+subject) {
			continue
		}
		err = p.Lift(ctx, store.Traffic{Subject: t.Subject, Window: p.guard.Pause()}, p.now)
		if err != nil {
			return p.trouble(err)
		}
		done.Lifted = append(done.Lifted, t.Subject)
	}
	if len(done.Lifted) == 0 {
		return unable("%s is not blocked in the table %s, if GUARD_PAUSE is %s there as here: `latchkey guard` lists what is.", subject, p.name, p.guard.Pause())
	}
	return say(p.out, p.json, done)
}
