package model

import (
	"slices"
	"strings"

	"latchkey/flowtest/rig"
)

// absorb takes over what is so after requests that met trouble or ran side by
// side, and fails when it goes beyond what they may have done.
func (w *world) absorb(before map[string]items, list []*request, answers []rig.Answer) {
	w.vendors(list)
	for _, q := range list {
		q.by.thaw()
	}
	w.collect(list[0].flow, true)
	for email, was := range before {
		is := w.itemsOf(email)
		w.absorbUser(was, is, list)
		for id, it := range is.sessions {
			w.absorbSession(id, was.sessions[id], it, is, list)
		}
		for id := range was.sessions {
			if is.sessions[id] == nil {
				w.t.Fatalf("a session is gone")
			}
		}
		w.absorbPushes(is, list)
	}
	w.lookUp(list)
	for i, q := range list {
		w.plausible(q, answers[i])
	}
}

// vendors takes over what the vendors were asked: what reached them is theirs,
// whether or not we heard the answer.
func (w *world) vendors(list []*request) {
	for _, q := range list {
		if q.typed == "" {
			continue
		}
		s, _ := w.m.halfOf(q.by.token())
		for _, c := range w.r.Wire.Calls() {
			reached := c.Step == "verify" && !c.Table && c.Status != 0 && c.Status != 429 && c.Status != 500 && s != nil
			switch {
			case !reached:
			case strings.HasSuffix(c.Name, "/VerificationCheck"), strings.HasPrefix(c.Name, "/protected/json/verify/"+q.typed+"/"):
				w.m.check(s, q.typed)
			case strings.HasSuffix(c.Name, "/Challenges"):
				if f := w.m.tokenOf(s); f != nil {
					f.app.judge(q.typed, w.now(), wrong)
				}
			}
		}
		break // equal requests: the calls were counted
	}
}

// allowed is whether any of some requests may do a thing.
func allowed(list []*request, may func(b bounds) bool) bool {
	return slices.ContainsFunc(list, func(q *request) bool { return may(q.mayBe) })
}

func (w *world) absorbUser(before, after items, list []*request) {
	a := w.m.accounts[after.email]
	switch {
	case after.user == nil && a != nil:
		w.t.Fatalf("an account is gone (I-22)")
	case after.user == nil:
		return
	case a == nil:
		if !allowed(list, func(b bounds) bool { return b.account && b.confirm.id == after.user.text("uid") }) {
			w.t.Fatalf("an account was made without a proved phone (I-10)")
		}
		s := w.m.sessions[after.user.text("uid")]
		a = &account{email: s.email, password: s.password, phone: s.phone, maker: s}
		w.m.accounts[after.email], s.account, s.proof = a, a, list[0].typed
	}
	if before.user != nil && before.user.text("epoch") != after.user.text("epoch") {
		if !allowed(list, func(b bounds) bool { return b.epoch }) {
			w.t.Fatalf("every session was ended, which nobody asked for (I-27)")
		}
		a.epoch++
	}
	a.epochText = after.user.text("epoch")
	w.absorbCare(a, before.user, after.user, list)
	w.absorbFactors(a, after.user, list)
	a.count, a.since = after.user.number("push_count"), after.user.time("push_since")
}

// kindOf is the flow that a form begins.
var kindOf = map[string]string{"/signup": signup, "/login": login, "/login/again": proof, "/phone": move}

// absorbCare takes over another password or phone.
func (w *world) absorbCare(a *account, before, after item, list []*request) {
	for _, q := range list {
		if before.text("hash") != after.text("hash") && before != nil {
			if q.mayBe.password == "" || !q.mayBe.epoch {
				w.t.Fatalf("a password was changed by who does not know it")
			}
			a.password, a.passwordBy = q.mayBe.password, "password "+q.by.cookie().hash+q.fields["current"]+q.fields["password"]
		}
	}
	if a.phone == after.text("phone") {
		return
	}
	if !allowed(list, func(b bounds) bool { return b.moved && b.confirm.id == after.text("moved_by") }) {
		w.t.Fatalf("an account's phone was changed without a proof (I-10)")
	}
	s := w.m.sessions[after.text("moved_by")]
	a.movedFrom, a.movedAt, a.movedBy, a.phone = a.phone, after.time("moved_at"), s, after.text("phone")
	a.movedTo, s.proof = a.epoch, list[0].typed
}

// absorbFactors takes over the list of factors. The token that an authenticator was
// confirmed by is used up.
func (w *world) absorbFactors(a *account, user item, list []*request) {
	may := allowed(list, func(b bounds) bool { return b.factors })
	var factors []*factor
	for _, it := range user.items("factors") {
		i := slices.IndexFunc(a.factors, func(f *factor) bool { return f.id == it.text("id") })
		f := &factor{id: it.text("id"), kind: it.text("type"), made: it.time("created_at"), app: newApp()}
		if i >= 0 {
			f = a.factors[i]
		}
		if !may && (i < 0 || f.active != it.has("active")) {
			w.t.Fatalf("a factor was changed, which nobody asked for")
		}
		if step, shown := f.app.shown[list[0].fields["code"]]; shown && it.has("active") && !f.active {
			f.app.used[step] = true
		}
		f.sid, f.active, f.tries = it.text("sid"), it.has("active"), it.number("tries")
		factors = append(factors, f)
	}
	if !may && len(factors) != len(a.factors) {
		w.t.Fatalf("a factor is gone, which nobody asked for")
	}
	a.factors = factors
}

// absorbSession takes over one session.
func (w *world) absorbSession(id string, was, is item, of items, list []*request) {
	s := w.m.sessions[id]
	q := list[0]
	if s == nil {
		s = w.absorbNew(id, is, of.email, list)
	}
	m, confirmed := w.m, !is.time("confirmed_at").IsZero()
	switch {
	case confirmed && s.isHalf():
		if !allowed(list, func(b bounds) bool { return b.confirm == s }) {
			w.t.Fatalf("a session was confirmed without evidence (I-01)")
		}
		s.evidence, s.proof = "trouble", q.typed
		if q.typed == "" {
			s.proof = id + q.by.network
		}
	case !confirmed && !s.isHalf():
		w.t.Fatalf("a session that was confirmed is not any more (I-22)")
	}
	if is.bytes("secret") == "" && s.secret != "" && !allowed(list, func(b bounds) bool { return slices.Contains(b.end, id) }) {
		w.t.Fatalf("a session was ended, which nobody asked for")
	}
	if n := is.number("checks"); n < s.checks || n > maxChecks {
		w.t.Fatalf("%d tries after %d (I-20a)", n, s.checks)
	}
	if s.secret != unknown && s.secret == is.bytes("secret") && s.isHalf() && !is.time("confirmed_at").IsZero() {
		w.t.Fatalf("the secret was not replaced (I-26)")
	}
	if a := s.account; a != nil {
		s.epoch = a.epoch
		if is.text("epoch") != of.user.text("epoch") && (!confirmed || nextEpoch(is) != of.user.text("epoch")) {
			s.epoch = -1 // dead
		}
	}
	s.confirmed, s.touched, s.created = is.time("confirmed_at"), is.time("touched_at"), is.time("created_at")
	s.until, s.ends = is.time("valid_until"), is.time("ends_at")
	if id := is.text("ended_by"); id != "" {
		s.endedBy = m.sessions[id]
	}
	s.secret, s.before, s.beforeTo, s.repeats = is.bytes("secret"), is.bytes("previous"), is.time("previous_to"), is.number("repeats")
	s.outcome, s.resendAt, s.version = is.text("outcome"), is.time("resend_at"), is.number("sends_version")
	s.checks, s.checkAt, s.taken = is.number("checks"), is.time("check_at"), is.has("taken")
	s.hashed, s.sent = s.hashed || is.has("hash"), is.has("code_ref") || is.has("provider_ref")
	if lanes := is.text("lanes"); lanes == "" {
		s.lanes = nil
	}
	if is.text("code_ref") != was.text("code_ref") && is.has("code_ref") {
		s.code = m.pending(s.flow, s.phone)
	}
	if !is.has("code_ref") {
		s.code = nil
	}
}

// absorbNew is a session that was begun by a request of which nobody heard.
func (w *world) absorbNew(id string, is item, email string, list []*request) *session {
	flow := is.text("flow")
	begun := func(q *request) bool {
		return q.form != nil && q.form.session == nil && kindOf[q.path] == flow && q.form.email == email
	}
	i := slices.IndexFunc(list, func(q *request) bool { return begun(q) && q.by.cookie().id == id })
	if i < 0 {
		i = slices.IndexFunc(list, begun)
	}
	if i < 0 {
		w.t.Fatalf("a session was begun by nobody")
	}
	q := list[i]
	if flow != signup && !q.mayBe.begin {
		w.t.Fatalf("a login was begun without the password (I-06)")
	}
	s := w.m.begin(q.form, flow, q.email, is.text("phone"))
	s.id, s.password = id, q.form.password
	s.secret = is.bytes("secret")
	w.m.sessions[id] = s
	if flow == signup {
		return s
	}
	s.account, s.parent = w.m.accounts[q.email], w.m.sessions[is.text("parent")]
	s.epoch = s.account.epoch
	for _, name := range strings.Fields(is.text("lanes")) {
		s.lanes = append(s.lanes, w.laneOf(q, name))
	}
	for _, f := range s.account.factors {
		if f.sid != "" && f.sid == is.text("token") {
			s.token = f
		}
	}
	return s
}

// laneOf is the model's name of a lane.
func (w *world) laneOf(q *request, name string) string {
	_, device, ok := strings.Cut(name, "/")
	switch {
	case strings.Contains(name, "/again/"):
		return name
	case ok:
		return device
	case strings.Contains(name, "@"):
		return q.email + "@" + q.by.network
	}
	return q.email
}

// absorbPushes takes over the account's pushes, and what is known of them.
func (w *world) absorbPushes(after items, list []*request) {
	a := w.m.accounts[after.email]
	if a == nil {
		return
	}
	before := len(w.m.asked)
	if slices.ContainsFunc(list, func(q *request) bool { return q.form != nil && q.form.email == after.email && q.mayBe.begin }) {
		w.found(a, after)
	}
	if n := len(w.m.asked) - before; n > 1 {
		w.t.Fatalf("%d pushes at once (I-20c)", n)
	}
	var now []*push
	for _, it := range after.user.items("pushes") {
		now = append(now, w.listed(a, it, list))
	}
	a.pushes = now
	var own []*push
	for _, p := range w.m.asked {
		if p.account == a {
			own = append(own, p)
		}
	}
	w.absorbApprovals(own...)
}

// listed is the push of an entry of the account's list.
func (w *world) listed(a *account, it item, list []*request) *push {
	_, ref, _ := strings.Cut(it.text("ref"), ":")
	for _, p := range append(slices.Clone(a.pushes), w.m.asked...) {
		if ref != "" && p.ref == ref || ref == "" && p.ref == "" && p.listed.Equal(it.time("at")) {
			p.listed = it.time("at")
			return p
		}
	}
	p := &push{account: a, listed: it.time("at"), at: it.time("at"), ref: ref, orphan: true} // nobody knows whether it arrived
	s := w.m.sessions[it.text("session")]
	if s != nil {
		p.session, p.form = s, s.form
		return p
	}
	for _, q := range list {
		if q.form != nil && q.form.session == nil && q.form.email == a.email {
			p.form = q.form
		}
	}
	return p
}

// found notes the pushes that arrived on a phone and that the model does not
// know.
func (w *world) found(a *account, after items) {
	for _, phone := range w.phones {
		for _, seen := range slices.Backward(w.h.Approvals(phone)) {
			if slices.ContainsFunc(w.m.asked, func(p *push) bool { return p.ref == seen.ID }) {
				continue
			}
			p := &push{account: a, where: phone, device: a.newest("push"), listed: w.now(), at: w.now(), ref: seen.ID}
			for id, it := range after.sessions {
				if strings.HasSuffix(it.text("approval"), ":"+seen.ID) {
					p.session = w.m.sessions[id]
					p.session.push, p.form = p, p.session.form
				}
			}
			w.m.asked = append(w.m.asked, p)
		}
	}
}

// absorbApprovals takes over what is known of pushes.
func (w *world) absorbApprovals(list ...*push) {
	keys := map[string]bool{}
	for _, p := range list {
		keys["A#"+w.vendor+"#"+p.ref] = true
	}
	found := w.all("A", keys)
	for _, p := range list {
		it := found["A#"+w.vendor+"#"+p.ref]
		p.orphan = it.text("session") == "" || p.session == nil || it.text("session") != p.session.id
		told, truth := it.text("decision"), p.truth(w.now())
		if told != p.told && told != truth {
			w.t.Fatalf("a push is %s in the table, %s at the vendor, and was %q (I-04, I-07)", told, truth, p.told)
		}
		p.told, p.toldAt, p.asked = told, it.time("decided_at"), it.time("asked_at")
	}
}

// plausible holds an answer against what is so now.
func (w *world) plausible(q *request, a rig.Answer) {
	if a.Status == 502 {
		return
	}
	c := q.by.cookie()
	s := w.m.sessions[c.id]
	if s == nil {
		return
	}
	switch {
	case !s.isHalf() && c.hash == s.secret:
		if s.whole != "" && parse(s.whole).hash != c.hash {
			w.t.Fatalf("%s was given another cookie than its equals (I-11)", q.by.name)
		}
		s.whole = strings.Join(strings.Split(c.value, ".")[:3], ".")
		if a.Next == "/account" && s.account != nil && q.by.device(s.email) != "" {
			w.known(q.by, s)
		}
	case s.isHalf() && c.hash == s.secret && s.half == "":
		s.half = c.value
	}
	if a.Next == "/account" && q.typed != "" && s.isHalf() {
		w.t.Fatalf("%s is told that it is signed in, and is not (I-22)", q.by.name)
	}
	w.keep(c.secret)
}
