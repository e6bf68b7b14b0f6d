package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"latchkey/shared/email"
	"latchkey/shared/env"
	"latchkey/shared/session"
	"latchkey/shared/store"
)

const userHelp = `latchkey user looks at and changes one account, by its email address.

    latchkey user show EMAIL           what there is of it, with address and phone masked
    latchkey user role EMAIL ROLE      gives it a role, which holds from the next request on
    latchkey user reset EMAIL          for somebody who lost phone and recovery codes: removes
                                       device and authenticator app, ends all sessions, and
                                       prints one new recovery code to hand over
    latchkey user logout EMAIL         ends all sessions and forgets all known browsers
    latchkey user delete EMAIL         says what would be deleted, and what remains at Twilio
    latchkey user delete EMAIL --yes   deletes it; after a failure run it again

--json prints a JSON document instead of text. An address that begins with a dash
comes after "--". The program ends with 0, with 1 if it could not be done, and with 2 if
the arguments are wrong.

` + whereTheTableIs

// action is what can be done to an account.
type action struct {
	name string
	args []string // besides the address
	run  func(ctx context.Context, d *desk) error
}

func actions() []action {
	return []action{
		{"show", nil, show},
		{"role", []string{"ROLE"}, role},
		{"reset", nil, reset},
		{"logout", nil, logout},
		{"delete", nil, remove},
	}
}

// desk is one action on one account.
type desk struct {
	place
	now       time.Time
	out       io.Writer
	json, yes bool
	key       string // store.Hash of the address
	masked    string // the address as it is shown
	args      []string
}

// user is the command.
func user(ctx context.Context, args []string, cfg env.Config, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		io.WriteString(stderr, userHelp+"\n") //nolint:errcheck // there is nobody else to tell
		return wrong("Say what to do: show, role, reset, logout or delete.")
	}
	if helps(args[0]) {
		return explain(stdout, userHelp)
	}
	i := slices.IndexFunc(actions(), func(a action) bool { return a.name == args[0] })
	if i < 0 {
		return wrong("There is no `latchkey user %s`: `latchkey user -h` lists what there is.", args[0])
	}
	a := actions()[i]
	d := &desk{now: cfg.Now(), out: stdout}
	help, err := d.read(a, args[1:])
	if help {
		return explain(stdout, userHelp)
	}
	if err != nil {
		return err
	}
	d.place, err = open(cfg, stderr)
	if err != nil {
		return err
	}
	return a.run(ctx, d)
}

// read takes the arguments of an action apart; flags may stand anywhere.
func (d *desk) read(a action, args []string) (help bool, err error) {
	var words, after []string
	i := slices.Index(args, "--")
	if i >= 0 {
		args, after = args[:i], args[i+1:]
	}
	for _, arg := range args {
		switch {
		case !strings.HasPrefix(arg, "-"):
			words = append(words, arg)
		case arg == "--json":
			d.json = true
		case arg == "--yes" && a.name == "delete":
			d.yes = true
		case helps(arg):
			return true, nil
		default:
			return false, wrong("`latchkey user %s` has no flag %s.", a.name, arg)
		}
	}
	words = append(words, after...)
	form := strings.Join(append([]string{"latchkey user", a.name, "EMAIL"}, a.args...), " ")
	if len(words) != 1+len(a.args) {
		return false, wrong("Write it as `%s`.", form)
	}
	address, text := email.Normalise(words[0])
	if text != "" {
		return false, wrong("%q is no email address. %s", words[0], text)
	}
	d.key, d.masked, d.args = store.Hash(address), mask(address), words[1:]
	if a.name == "role" && !roleForm.MatchString(d.args[0]) {
		return false, wrong("A role has a small letter and then at most 31 small letters, digits, - and _: %q is none.", d.args[0])
	}
	return false, nil
}

// roleForm is short and plain, since a role goes into every request that the
// authorizer lets through.
var roleForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// mask leaves of an address what tells whose it is to who knows it.
func mask(address string) string {
	at := strings.LastIndexByte(address, '@')
	_, n := utf8.DecodeRuneInString(address)
	if at < n {
		return "…"
	}
	return address[:n] + "…" + address[at:]
}

// owner reads the account.
func (d *desk) owner(ctx context.Context) (store.User, error) {
	u, err := d.User(ctx, d.key)
	if errors.Is(err, store.ErrNotFound) {
		return u, d.nobody()
	}
	if err != nil {
		return u, d.trouble(err)
	}
	return u, nil
}

func (d *desk) nobody() error {
	return unable("There is no account of %s in the table %s.", d.masked, d.name)
}

// result is what an action did, as a document and as text.
type result interface{ write(w io.Writer) }

// say prints a result.
func (d *desk) say(r result) error { return say(d.out, d.json, r) }

// say prints a result as a document or as text.
func say(w io.Writer, document bool, r result) error {
	var b bytes.Buffer
	if document {
		e := json.NewEncoder(&b)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		err := e.Encode(r)
		if err != nil {
			return unable("The document could not be written: %v", err)
		}
	} else {
		r.write(&b)
	}
	_, err := w.Write(b.Bytes())
	if err != nil {
		return unable("It is done, but the output could not be written: %v", err)
	}
	return nil
}

// attempts is how often an action begins anew when the account is changed by
// somebody else meanwhile.
const attempts = 4

// persist reads the account and changes it, again if that was refused.
func (d *desk) persist(ctx context.Context, change func(store.User) error) (store.User, error) {
	for n := 1; ; n++ {
		u, err := d.owner(ctx)
		if err != nil {
			return u, err
		}
		err = change(u)
		if err == nil {
			return u, nil
		}
		if n == attempts || !errors.Is(err, store.ErrRefused) {
			return u, d.trouble(err)
		}
	}
}

// epoch is a new one: sessions and known browsers of any other are dead.
func epoch() string { return hex.EncodeToString(session.Random(16)) }
