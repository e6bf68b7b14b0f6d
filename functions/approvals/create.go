package approvals

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/caller"
	"latchkey/shared/otp"
	"latchkey/shared/outbound"
	"latchkey/shared/providers"
	"latchkey/shared/push"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// patience is how long a repeat waits for what comes of the request that was
// first.
const patience = 5 * time.Second

// attempt is one POST.
type attempt struct {
	doc    document
	action store.Action
	user   store.User
	device push.Target
	pushes push.Pushes
}

// create asks a user, or answers a repeat.
func (s *step) create(w http.ResponseWriter, r *http.Request) error {
	key := r.Header.Get("Idempotency-Key")
	if !session.ValidSeed(key) {
		return web.Malformed("Send an Idempotency-Key of 32 to 128 characters of A-Z a-z 0-9 - _, another for each request. With the same one a request can be repeated safely.")
	}
	doc, err := readBody(r)
	if err != nil {
		return err
	}
	user, uid, ok := doc.named()
	if !ok {
		return badUser()
	}
	now := s.now()
	a := &attempt{doc: doc, action: store.Action{
		ID: newID(principal(caller.Of(r.Context()).IAM), key), User: user, UID: uid, Digest: doc.digest(), Reference: doc.Reference,
		CreatedAt: now, ValidUntil: now.Add(time.Duration(doc.ExpiresIn) * time.Second),
	}}
	var existing store.Action
	a.user, existing, err = s.table.Acting(r.Context(), user, a.action.ID)
	if err != nil {
		return err
	}
	if existing.ID == "" {
		existing, err = s.begin(r, a)
	}
	if err != nil {
		return err
	}
	if existing.ID != "" {
		return s.repeat(w, r, a, existing)
	}
	return s.ask(w, r, a)
}

// newID is an action's id: a half that the key and its owner lead to, and a
// random one.
func newID(principal, key string) string {
	sum := sha256.Sum256([]byte("action\n" + principal + "\n" + key))
	random := make([]byte, 16)
	rand.Read(random) //nolint:errcheck // it never fails
	return hex.EncodeToString(append(sum[:16:16], random...))
}

// digest tells a repeat from another request, however it is spelt.
func (d document) digest() []byte {
	sum := sha256.New()
	json.NewEncoder(sum).Encode(d) //nolint:errcheck // strings and numbers can always be written
	return sum.Sum(nil)
}

// begin holds the request against everything that can be said against it, and
// writes the action while it is counted. It returns the action of an equal
// request that was faster, if there is one.
func (s *step) begin(r *http.Request, a *attempt) (store.Action, error) {
	if a.user.UID != a.action.UID {
		return store.Action{}, web.NoSuch("There is no such user. The account may have been deleted.")
	}
	err := s.check(a.doc, providers.Limits(a.user.Provider))
	if err != nil {
		return store.Action{}, err
	}
	now := a.action.CreatedAt
	left := session.Cooling(a.user, s.cool, now)
	if left > 0 {
		return store.Action{}, web.Cooling(left)
	}
	device, reachable := providers.Device(a.user)
	if !reachable {
		return store.Action{}, web.NoDevice()
	}
	a.device, a.action.Subject = device, device.Subject()
	a.pushes, err = s.set.Pushes(a.user.Provider)
	if err != nil {
		return store.Action{}, err
	}
	return s.reserve(r, a)
}

// reserve writes the action ∥ counts it. Of what led to nothing nothing is left.
func (s *step) reserve(r *http.Request, a *attempt) (store.Action, error) {
	var counted error
	wg := abreast.In(r.Context())
	wg.Go(func() { counted = s.table.Count(r.Context(), s.counter(a), a.action.CreatedAt) })
	there, err := s.table.CreateAction(r.Context(), a.action)
	wg.Wait()
	if err != nil {
		if counted == nil {
			s.uncount(r, a)
		}
		if errors.Is(err, store.ErrRefused) {
			return there, nil
		}
		s.drop(r, a)
		return store.Action{}, err
	}
	if counted == nil {
		return store.Action{}, nil
	}
	s.drop(r, a)
	var limited *store.Limited
	if errors.As(counted, &limited) {
		s.audit.Note(r, audit.Delayed, a.facts().Why(audit.AtAction))
		return store.Action{}, web.Wait(limited.After, "This user was asked to approve something many times in the last hour.")
	}
	return store.Action{}, counted
}

// facts are what the audit trail says of an attempt.
func (a *attempt) facts() audit.Facts {
	return audit.Facts{UID: a.user.UID, Provider: a.user.Provider, Approval: a.action.Ref.ID, Action: a.action.ID}
}

func (s *step) counter(a *attempt) store.Counter {
	return store.Counter{Rule: "approvals", Subject: a.action.User + "." + a.action.UID, Max: s.perHour, Window: time.Hour}
}

// uncount gives the hit back, and drop the action: nobody was asked. When that
// fails, a repeat says pending, and expired at the end.
func (s *step) uncount(r *http.Request, a *attempt) {
	err := s.table.Uncount(r.Context(), s.counter(a), a.action.CreatedAt)
	if err != nil {
		s.site.Log(r, "a request that was not sent is still counted", err)
	}
}

func (s *step) drop(r *http.Request, a *attempt) {
	err := s.table.DropAction(r.Context(), a.action)
	if err != nil && !errors.Is(err, store.ErrRefused) {
		s.site.Log(r, "an action of which nobody was asked is still there", err)
	}
}

// ask asks the vendor, once, and keeps what came of it.
func (s *step) ask(w http.ResponseWriter, r *http.Request, a *attempt) error {
	asking, cancel := providers.Sparing(r.Context())
	defer cancel()
	id, err := a.pushes.Ask(asking, a.device, a.request())
	if err == nil {
		a.action.Ref = store.Ref{Provider: a.user.Provider, ID: id}
		s.audit.Note(r, audit.ActionAsked, a.facts())
		return s.answer(w, a.action, s.keep(r, a))
	}
	var limited *otp.LimitedError
	switch {
	case errors.Is(err, push.ErrNoDevice):
		s.undo(r, a)
		return web.NoDevice().Because(err)
	case errors.As(err, &limited):
		s.undo(r, a)
		return web.Wait(limited.After, "This user's vendor takes no more requests for now.").Because(err)
	case outbound.Undone(err):
		s.undo(r, a)
		return err
	}
	unkept := s.table.AskedAction(r.Context(), a.action, s.now())
	if unkept != nil {
		s.site.Log(r, "it was not kept that a vendor's answer is lost", unkept)
	}
	p := web.Unavailable(err)
	p.Detail = "The vendor did not say whether the user was asked. The same request again tells what is known, and asks nobody twice; another Idempotency-Key asks anew."
	return p
}

func (s *step) undo(r *http.Request, a *attempt) {
	wg := abreast.In(r.Context())
	wg.Go(func() { s.uncount(r, a) })
	s.drop(r, a)
	wg.Wait()
}

func (a *attempt) request() push.Request {
	q := push.Request{
		Session: a.action.ID, Message: a.doc.Message, At: a.action.CreatedAt, Life: a.action.ValidUntil.Sub(a.action.CreatedAt),
	}
	for _, d := range a.doc.Details {
		q.Details = append(q.Details, push.Detail(d))
	}
	for _, l := range a.doc.Logos {
		q.Logos = append(q.Logos, push.Logo(l))
	}
	return q
}

// keep writes down what was asked: on the approval and on the action, side by
// side. When a callback was faster and could not know whose its decision was, the
// owner is told here. When either write fails, the other leads the next look, or the callback,
// to the missing one.
func (s *step) keep(r *http.Request, a *attempt) store.Approval {
	var unkept error
	wg := abreast.In(r.Context())
	wg.Go(func() { unkept = s.table.AskedAction(r.Context(), a.action, s.now()) })
	p, err := s.table.RecordApproval(r.Context(), a.action.Approval())
	wg.Wait()
	for _, e := range []error{err, unkept} {
		if e != nil {
			s.site.Log(r, "alarm: it was not all kept that a user was asked", e)
		}
	}
	if err != nil {
		return a.action.Approval()
	}
	p, err = providers.Standing(r.Context(), s.table, a.action, p)
	if err != nil {
		s.site.Log(r, "alarm: whether a decision stands is not known; the next look at it tells", err)
		return a.action.Approval()
	}
	if p.Via == "" {
		s.tell(r, a.action, p)
	}
	return p
}

// repeat answers a request whose action is there already with what is known of
// it, and asks nobody. While the first one still runs, it waits; when that came
// to nothing, the repeat is told to try again.
func (s *step) repeat(w http.ResponseWriter, r *http.Request, a *attempt, existing store.Action) error {
	if string(existing.Digest) != string(a.action.Digest) {
		return web.Idempotency()
	}
	existing, err := s.await(r.Context(), existing)
	if errors.Is(err, store.ErrNotFound) {
		p := web.Unavailable(err)
		p.Detail = "An equal request came to nothing just now. Please try again."
		return p
	}
	if err != nil {
		return err
	}
	return s.report(w, r, existing)
}

// await reads an action until it says what came of asking, for a while, if
// somebody may still be at it. It is ErrNotFound when nobody was asked.
func (s *step) await(ctx context.Context, a store.Action) (store.Action, error) {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for delay := 25 * time.Millisecond; a.AskedAt.IsZero() && a.ToldAt.IsZero() && s.now().Sub(a.CreatedAt) < session.Abandoned; delay *= 2 {
		if !session.Pause(waiting, delay) {
			return a, nil
		}
		latest, err := s.table.Action(waiting, a.ID)
		switch {
		case err == nil:
			a = latest
		case errors.Is(err, store.ErrNotFound), waiting.Err() == nil:
			return a, err
		}
	}
	return a, nil
}
