package recovery

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"time"

	"latchkey/shared/abreast"
	"latchkey/shared/audit"
	"latchkey/shared/recovery"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/web"
)

// used is what the phone is told, in case that it is not lost at all.
const used = "A recovery code was used to log in to your account, and to replace this phone. If that was not you, contact us at once."

// half reads the login that a request is at. Nobody else has use for a code. Its
// errors are for the guard to answer.
func (s *step) half(r *http.Request) (store.Session, error) {
	half, _, err := s.guard.Login(r.Context(), r)
	if err == nil && half.Flow != store.Login {
		err = session.ErrNone
	}
	return half, err
}

// ask is the form for a code.
func (s *step) ask(w http.ResponseWriter, r *http.Request) error {
	half, err := s.half(r)
	switch {
	case err != nil:
		return s.guard.Refuse(w, r, err)
	case half.Lost:
		return s.site.Next(w, r, "/phone", web.NoNotice)
	case half.Checks >= s.guard.Tries:
		return session.UsedUp(half)
	}
	if web.WantsJSON(r) {
		return s.site.JSON(w, map[string]any{"tries_left": s.guard.Tries - half.Checks})
	}
	return s.site.Page(w, r, view(nil))
}

func view(p *web.Problem) web.View {
	return web.View{Title: "Use a recovery code", Main: page(p)}
}

// use takes a code.
func (s *step) use(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "code")
	if err != nil {
		return err
	}
	t, ok := s.guard.Whole(r)
	if !ok {
		return s.guard.Refuse(w, r, session.ErrNone)
	}
	code, ok := recovery.Clean(v["code"])
	if !ok {
		_, err := s.half(r)
		if err != nil {
			return s.guard.Refuse(w, r, err)
		}
		p := web.Invalid(web.Field{Name: "code", Text: "Enter one of your recovery codes, such as 7k3m-9qxd-w2ht-f5rz."})
		return p.On(view(p))
	}
	half, u, err := s.reserve(r.Context(), t)
	switch {
	case errors.Is(err, store.ErrRefused):
		return s.unreserved(w, r)
	case err != nil:
		return err
	case u.UID != half.UID || u.Epoch != half.Epoch: // deleted, or signed out everywhere
		return s.guard.Refuse(w, r, session.ErrNone)
	}
	return s.spend(w, r, half, u, code)
}

// reserve takes one of the session's tries and reads the user, in one round trip.
func (s *step) reserve(ctx context.Context, t session.Token) (store.Session, store.User, error) {
	var u store.User
	var read error
	wg := abreast.In(ctx)
	wg.Go(func() { u, read = s.table.User(ctx, t.Key) })
	half, err := s.table.ReserveRecovery(ctx, store.Session{Key: t.Key, ID: t.ID, Secret: t.Hash()}, s.guard.Tries, s.now())
	wg.Wait()
	if errors.Is(read, store.ErrNotFound) {
		read = nil
	}
	return half, u, cmp.Or(err, read)
}

// How old a try can be while its maker is still at work, and how long a request
// waits for such a one.
const (
	inFlight = 6 * time.Second
	patience = 3 * time.Second
)

// unreserved says why there was no try to take. If another was taken a moment
// ago, it may have been an equal request's, whose answer is this one's, too.
func (s *step) unreserved(w http.ResponseWriter, r *http.Request) error {
	half, err := s.half(r)
	if err != nil {
		return s.guard.Refuse(w, r, err)
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	for delay := 50 * time.Millisecond; !half.Lost && s.now().Sub(half.CheckAt) < inFlight && ctx.Err() == nil; delay *= 2 {
		session.Pause(ctx, delay)
		latest, err := s.table.Session(ctx, half.Key, half.ID)
		if err == nil {
			half = latest
		}
	}
	if half.Lost {
		return s.site.Next(w, r, "/phone", web.PhoneNext)
	}
	return s.refused(r, half, audit.UsedUp, session.UsedUp(half))
}

// refused notes that a code did not pass, and is the answer.
func (s *step) refused(r *http.Request, half store.Session, why audit.Reason, p *web.Problem) error {
	s.audit.Note(r, audit.CodeRefused, audit.Of(half).By(audit.ByRecovery).Why(why))
	return p
}

// usedBy reports whether a code was used by this very login: an equal form makes a
// session with the same id again once the first one's item is gone.
func usedBy(c store.RecoveryCode, half store.Session) bool {
	return c.UsedBy == half.ID && !c.UsedAt.Before(half.CreatedAt)
}

// spend uses a code up for this login, and no other. The same login may
// bring it again, when it did not hear that it was right.
func (s *step) spend(w http.ResponseWriter, r *http.Request, half store.Session, u store.User, code string) error {
	if half.Lost { // one code is enough: another would be used up for nothing
		return s.site.Next(w, r, "/phone", web.PhoneNext)
	}
	digest := recovery.Digest(u.UID, code)
	i := slices.IndexFunc(u.Recovery, func(c store.RecoveryCode) bool { return subtle.ConstantTimeCompare(c.Hash, digest) == 1 })
	if i < 0 || u.Recovery[i].UsedBy != "" && !usedBy(u.Recovery[i], half) {
		p := web.WrongCode(s.guard.Tries - half.Checks)
		p.Detail += " Each recovery code works once."
		why := audit.Wrong
		if i >= 0 {
			why = audit.Used
		}
		return s.refused(r, half, why, p.On(view(p)))
	}
	if u.Recovery[i].UsedBy == "" {
		list := slices.Clone(u.Recovery)
		list[i].UsedBy, list[i].UsedAt = half.ID, s.now()
		err := s.table.SwapRecovery(r.Context(), u, list, u.RecoveryAt)
		if errors.Is(err, store.ErrRefused) { // another request was faster: it may have used this very code
			u, err = s.table.User(r.Context(), half.Key)
			if err == nil && u.Epoch == half.Epoch && u.UID == half.UID {
				return s.spend(w, r, half, u, code)
			}
		}
		if err != nil {
			p := web.Unavailable(err)
			return p.On(view(p))
		}
	}
	first, err := s.table.MarkLost(r.Context(), half)
	switch {
	case errors.Is(err, store.ErrRefused): // logged out, or confirmed by the phone after all
		return s.guard.Refuse(w, r, session.ErrNone)
	case err != nil:
		p := web.Unavailable(err)
		return p.On(view(p))
	case first:
		s.audit.Note(r, audit.RecoveryUsed, audit.Of(half))
		s.tell(r, u, used)
	}
	return s.site.Next(w, r, "/phone", web.PhoneNext)
}
