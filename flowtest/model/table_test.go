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

// one is the item under a key, nil if there is none.
func (w *world) one(pk string) item {
	for _, it := range w.r.Query(pk) {
		return it
	}
	return nil
}

// lookUp refreshes the limits that a request may have touched.
func (w *world) lookUp(q *request) {
	m := w.m
	for _, flow := range []string{signup, login} {
		for _, phone := range w.phones {
			h, it := m.sends(flow, phone), w.one("L#sends-"+flow+"#"+hashed(phone))
			times := it.times("times")
			if it.number("version") != h.version || !slices.EqualFunc(times, h.times, time.Time.Equal) {
				h.last = w.usedBy(it.text("last_id"), q)
			}
			h.times, h.version, h.until = times, it.number("version"), it.time("valid_until")
		}
	}
	subjects := map[string]string{q.email: hashed(q.email), q.email + "@" + q.by.network: hashed(q.email) + "@" + hashed(q.by.network)}
	if d := q.by.device(q.email); d != "" {
		subjects[d] = hashed(q.email) + "/" + d
	}
	for _, s := range m.sessions {
		for _, subject := range s.lanes {
			network, ok := strings.CutPrefix(subject, s.email+"@")
			switch {
			case ok:
				subjects[subject] = hashed(s.email) + "@" + hashed(network)
			case subject != s.email:
				subjects[subject] = hashed(s.email) + "/" + subject
			}
		}
	}
	for subject, name := range subjects {
		w.lookUpLane(subject, name, q)
	}
}

// usedBy is the model's name of whom a limit knows as the last. An id that is no
// session's is of a form that made none: of the one that was just sent.
func (w *world) usedBy(id string, q *request) string {
	s := w.m.sessions[id]
	switch {
	case id == "":
		return ""
	case s != nil && s.form != nil:
		return s.form.id()
	case q.form != nil && len(id) == 32:
		return q.form.id()
	}
	return id
}

func (w *world) lookUpLane(subject, name string, q *request) {
	now := w.now()
	k := laneKey(subject, now)
	it, l := w.one("L#login#"+hashed(name)+"#"+strconv.FormatInt(now.Unix()/43200, 10)), w.m.lanes[k]
	switch {
	case it == nil:
		delete(w.m.lanes, k)
	case l == nil || l.hits != it.number("hits") || !l.last.Equal(it.time("last_at")):
		w.m.lanes[k] = &lane{hits: it.number("hits"), last: it.time("last_at"), id: w.usedBy(it.text("last_id"), q)}
	}
}
