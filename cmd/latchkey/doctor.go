package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"latchkey/shared/env"
	"latchkey/shared/store"
)

const doctorHelp = `latchkey doctor looks at a deployment and says what is wrong with it, all at once.

    latchkey doctor                          before it: the configuration in this shell, the
                                             vendors that it leads to, the table
    latchkey doctor https://id.example.com   after it: the live stack as a visitor and a vendor
                                             sees it, and the vendors' settings for it

    --secret FILE  the JSON that is about to become the secret's value; without it the secret
                   that SECRET_ARN names, and without that this shell's variables
    --json         a JSON document instead of text

Vendors are only read: nothing is sent to anybody and nothing costs. A live stack is sent
signed test callbacks, if their keys are here, and forged ones, which must be refused: its
log says "alarm: a callback is not authentic" for each. A callback it takes leaves one item
in the table, an approval that never existed, for a day.

ok: nothing to do. warn: it works, and you should know. FAULT: it does not work. look: no
program can see it, so look yourself. skip: not asked, because something for it is missing.
The program ends with 0, with 1 if there is a fault, and with 2 if the arguments are wrong.

The variables are those of docs/configuration.md; docs/doctor.md says what each line means.
For the table: TABLE_NAME, AWS_REGION and AWS's keys, as for the other commands.
`

// perCheck bounds one check: what hangs is a finding, and holds up no other.
const perCheck = 5 * time.Second

// checkup is one look at a deployment.
type checkup struct {
	cfg    env.Config // its variables are the secret's, if there is one; its requests are timed
	shell  env.Config // as the program was started with
	watch  *watch
	table  *store.Table // nil where nothing leads to one
	secret string       // file
	public string       // the stack's address, "" if it is not known
	live   bool         // it is there already
	json   bool
}

// doctor is the command.
func doctor(ctx context.Context, args []string, cfg env.Config, stdout, _ io.Writer) error {
	v := &checkup{shell: cfg}
	help, err := v.take(args)
	if help {
		return explain(stdout, doctorHelp)
	}
	if err != nil {
		return err
	}
	base := http.DefaultTransport
	if cfg.HTTP != nil && cfg.HTTP.Transport != nil {
		base = cfg.HTTP.Transport
	}
	v.watch = newWatch(base, cfg.Now)
	v.cfg = cfg
	v.cfg.HTTP = &http.Client{
		Transport: v.watch, Timeout: perCheck,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	d := v.examine(ctx)
	err = say(stdout, v.json, d)
	if err == nil && d.Faults > 0 {
		err = unable("There is something to mend: %s.", counted(d.Faults, "fault"))
	}
	return err
}

// take reads the arguments; flags may stand anywhere.
func (v *checkup) take(args []string) (help bool, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case helps(arg):
			return true, nil
		case arg == "--json":
			v.json = true
		case arg == "--secret" && i+1 < len(args):
			i++
			v.secret = args[i]
		case strings.HasPrefix(arg, "-"):
			return false, wrong("`latchkey doctor` has no flag %s, or something is missing after it.", arg)
		case v.live:
			return false, wrong("Write it as `latchkey doctor` or `latchkey doctor https://id.example.com`.")
		default:
			v.live = true
			v.public, err = origin(arg)
			if err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// origin is a stack's address in the form that PUBLIC_URL has.
func origin(arg string) (string, error) {
	vars := env.Read(env.Config{Getenv: func(string) string { return arg }})
	address := vars.URL("The address", "")
	err := vars.Err()
	if err != nil {
		return "", wrong("%v.", err)
	}
	if strings.Count(address, "/") > 2 {
		return "", wrong("The address must have no path: write it as https://id.example.com.")
	}
	return address, nil
}

// exam is some checks of one group, done one after the other.
type exam struct {
	group string
	run   func(ctx context.Context) []finding
}

// examine makes all checks: the secret first, since it leads to the others, and
// those side by side.
func (v *checkup) examine(ctx context.Context) *diagnosis {
	d := &diagnosis{}
	d.add("Secret", v.open(ctx))
	if v.live {
		d.Address = v.public
	} else {
		v.public = v.expected()
	}
	v.table = v.reach()
	exams := v.vendors()
	if v.live {
		exams = append(v.liveExams(), exams...)
	} else {
		d.add("Configuration", v.configuration())
		exams = append(exams, exam{"Table", v.tables})
	}
	results := make([][]finding, len(exams))
	var wg sync.WaitGroup
	for i, e := range exams {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, perCheck)
			defer cancel()
			results[i] = e.run(ctx)
		})
	}
	wg.Wait()
	for i, e := range exams {
		d.add(e.group, results[i])
	}
	d.add("Clock", v.watch.findings())
	return d
}

// get is a variable, the first of the names that is set.
func (v *checkup) get(names ...string) string {
	for _, name := range names {
		s := v.cfg.Getenv(name)
		if s != "" {
			return s
		}
	}
	return ""
}

// expected is PUBLIC_URL, if it is one.
func (v *checkup) expected() string {
	vars := env.Read(v.cfg)
	address := vars.URL("PUBLIC_URL", "")
	if vars.Err() != nil {
		return ""
	}
	return address
}

// callback is where vendors are to call the stack, "" if its address is not known.
func (v *checkup) callback() string {
	if v.public == "" {
		return ""
	}
	return v.public + "/onetouch/callback"
}
