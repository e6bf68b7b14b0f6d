package model

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// After trouble nobody outside knows how far a function came. Then the model
// looks up in the table what is so, under the keys of this history, and believes
// it within what the requests were allowed to do.

// item is one of the table, with its values as they lie there.
type item map[string]any

func (it item) value(name, kind string) string {
	v, _ := it[name].(map[string]any)
	s, _ := v[kind].(string)
	return s
}

func (it item) text(name string) string  { return it.value(name, "S") }
func (it item) bytes(name string) string { return it.value(name, "B") }

func (it item) has(name string) bool { return it[name] != nil }

func (it item) number(name string) int {
	n, err := strconv.ParseInt(it.value(name, "N"), 10, 64)
	if err != nil {
		return 0
	}
	return int(n)
}

func (it item) time(name string) time.Time { return instant(it.value(name, "N")) }

func instant(text string) time.Time {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

func (it item) list(name string) []any {
	v, _ := it[name].(map[string]any)
	list, _ := v["L"].([]any)
	return list
}

func (it item) items(name string) []item {
	var list []item
	for _, e := range it.list(name) {
		m, _ := e.(map[string]any)
		inner, _ := m["M"].(map[string]any)
		list = append(list, inner)
	}
	return list
}

func (it item) times(name string) []time.Time {
	var list []time.Time
	for _, e := range it.list(name) {
		m, _ := e.(map[string]any)
		s, _ := m["N"].(string)
		list = append(list, instant(s))
	}
	return list
}

// items are an email's: its account, and its sessions by id.
type items struct {
	email    string
	user     item
	sessions map[string]item
}

// load reads the items of everybody whom some requests may be about: whom they
// name, and whose cookies they bring.
func (w *world) load(list ...*request) map[string]items {
	all := map[string]items{}
	for _, q := range list {
		emails := []string{q.email}
		for _, c := range []cookie{q.by.cookie(), q.by.token()} {
			if s := w.m.sessions[c.id]; s != nil {
				emails = append(emails, s.email)
			}
		}
		for _, email := range emails {
			if _, done := all[email]; !done {
				all[email] = w.itemsOf(email)
			}
		}
	}
	return all
}

func (w *world) itemsOf(email string) items {
	all := items{email: email, sessions: map[string]item{}}
	for _, it := range w.r.Query("U#" + hashed(email)) {
		i := item(it)
		id, ok := strings.CutPrefix(i.text("sk"), "S#")
		if ok {
			all.sessions[id] = i
		} else {
			all.user = i
		}
	}
	return all
}

// all are those items that are there, by pk.
func (w *world) all(sk string, keys map[string]bool) map[string]item {
	found := map[string]item{}
	var list [][2]string
	for pk := range keys {
		list = append(list, [2]string{pk, sk})
	}
	for len(list) > 0 {
		n := min(100, len(list))
		for _, it := range w.r.Get(list[:n]...) {
			i := item(it)
			found[i.text("pk")] = i
		}
		list = list[n:]
	}
	return found
}

// lookUp refreshes the limits that some requests may have touched.
func (w *world) lookUp(list []*request) {
	keys := map[string]bool{}
	for _, flow := range []string{signup, login} {
		for _, phone := range w.phones {
			keys[sendsKey(flow, phone)] = true
		}
	}
	rows := w.rows(list)
	for _, pk := range rows {
		keys[pk] = true
	}
	found := w.all("L", keys)
	for _, flow := range []string{signup, login} {
		for _, phone := range w.phones {
			w.lookUpSends(w.m.sends(flow, phone), found[sendsKey(flow, phone)], list)
		}
	}
	for subject, pk := range rows {
		w.lookUpLane(subject, found[pk], list)
	}
}

func sendsKey(flow, phone string) string { return "L#sends-" + flow + "#" + hashed(phone) }

func (w *world) lookUpSends(h *history, it item, list []*request) {
	times := it.times("times")
	if it.number("version") != h.version || !slices.EqualFunc(times, h.times, time.Time.Equal) {
		h.last = w.usedBy(it.text("last_id"), list)
	}
	h.times, h.version, h.until = times, it.number("version"), it.time("valid_until")
}

// rows are the rows of tries that some requests may have counted in or forgotten,
// by the model's name, and where they are kept.
func (w *world) rows(list []*request) map[string]string {
	rows := map[string]string{}
	add := func(subject, name string) { rows[subject] = "L#login#" + hashed(name) }
	for _, q := range list {
		add(q.email, hashed(q.email))
		add(q.email+"@"+q.by.network, hashed(q.email)+"@"+hashed(q.by.network))
		if d := q.by.device(q.email); d != "" {
			add(d, hashed(q.email)+"/"+d)
		}
		if a := w.m.accounts[q.email]; a != nil {
			add(a.guesses(), hashed(q.email)+" password "+a.epochText)
		}
		if name := again(q.by.cookie(), q.email); name != "" {
			add(name, name)
		}
		for _, s := range w.m.sessions {
			if s.email != q.email {
				continue
			}
			for _, subject := range s.lanes {
				network, ok := strings.CutPrefix(subject, s.email+"@")
				switch {
				case ok:
					add(subject, hashed(s.email)+"@"+hashed(network))
				case strings.Contains(subject, "/again/"):
					add(subject, subject)
				case subject != s.email:
					add(subject, hashed(s.email)+"/"+subject)
				}
			}
		}
	}
	return rows
}

// usedBy is the model's name of whom a limit knows as the last. An id that is no
// session's is of a form that made none: of one that was just sent.
func (w *world) usedBy(id string, list []*request) string {
	s := w.m.sessions[id]
	switch {
	case id == "":
		return ""
	case s != nil && s.form != nil:
		return s.form.id()
	}
	for _, q := range list {
		if q.form != nil && q.form.session == nil && len(id) == 32 {
			return q.form.id()
		}
	}
	return id
}

func (w *world) lookUpLane(subject string, it item, list []*request) {
	l := w.m.lanes[subject]
	switch {
	case it == nil:
		delete(w.m.lanes, subject)
	case l == nil || l.hits != it.number("hits") || !l.last.Equal(it.time("last_at")):
		w.m.lanes[subject] = &lane{hits: it.number("hits"), last: it.time("last_at"), id: w.usedBy(it.text("last_id"), list)}
	}
}
