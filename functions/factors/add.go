package factors

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rsc.io/qr"

	"latchkey/shared/audit"
	"latchkey/shared/otp"
	"latchkey/shared/session"
	"latchkey/shared/store"
	"latchkey/shared/verify"
	"latchkey/shared/web"
)

// The types of factor.
const (
	device        = "push"
	authenticator = "totp"
)

const (
	most    = 5                // factors of one user, confirmed or not
	pending = 10 * time.Minute // for which one that is not confirmed takes a place
)

// image is a picture inside the page, as an address that holds it.
type image string

// pngData is how the address of each of our own begins.
const pngData = "data:image/png;base64,"

// src is the address, if it is one of our own and leads nowhere.
func (i image) src() (string, error) {
	data, ok := strings.CutPrefix(string(i), pngData)
	_, err := base64.StdEncoding.DecodeString(data)
	if !ok || err != nil {
		return "", errors.New("that is no picture of ours")
	}
	return string(i), nil
}

// add makes a factor that is not usable before it is confirmed.
func (s *step) add(w http.ResponseWriter, r *http.Request) error {
	v, err := web.Read(r, "type")
	if err != nil {
		return err
	}
	u, factors, err := s.owner(w, r)
	if err != nil {
		return err
	}
	if v["type"] != device && v["type"] != authenticator {
		return web.Invalid(web.Field{Name: "type", Text: "Choose push or totp."}).SendTo("/factors", web.NoNotice)
	}
	if len(s.current(u.Factors)) >= most {
		return s.full(u)
	}
	made, err := s.enrol(r, factors, u, v["type"])
	if err != nil {
		return s.explain(u, err)
	}
	err = s.change(r.Context(), &u, func(list []store.Factor) ([]store.Factor, error) {
		switch {
		case find(list, made.Factor.ID) >= 0:
			return nil, errDone
		case len(s.current(list)) >= most:
			return nil, errMost
		}
		return append(s.current(list), made.Factor), nil
	})
	kept := find(u.Factors, made.Factor.ID) >= 0 // by a write whose answer was lost
	if (errors.Is(err, errMost) || errors.Is(err, store.ErrRefused)) && !kept {
		s.forget(r, factors, u, made.Factor)
	}
	if errors.Is(err, errMost) {
		return s.full(u)
	}
	if err != nil {
		return s.explain(u, err)
	}
	s.note(r, audit.FactorAdded, u, made.Factor, "")
	return s.reveal(w, r, u, made)
}

// full refuses one more.
func (s *step) full(u store.User) error {
	p := web.Invalid(web.Field{Name: "type", Text: "You have as many as an account can have. Remove one first."})
	return p.On(s.view(u, enrolment{}, p))
}

// current leaves out what was never confirmed.
func (s *step) current(list []store.Factor) []store.Factor {
	now := s.now()
	return slices.DeleteFunc(slices.Clone(list), func(f store.Factor) bool { return !f.Active && now.Sub(f.CreatedAt) >= pending })
}

// enrol asks the vendor for what a device or an app is set up with.
func (s *step) enrol(r *http.Request, factors *verify.Factors, u store.User, kind string) (enrolment, error) {
	e := enrolment{Factor: store.Factor{ID: hex.EncodeToString(session.Random(16)), Type: kind, CreatedAt: s.now()}}
	var err error
	shown := ""
	if kind == device {
		e.Text, err = factors.Enrol(r.Context(), u.UID, e.Factor.ID)
		shown = e.Text
	} else {
		e.Factor.SID, e.Secret, e.URI, err = factors.NewToken(r.Context(), u.UID, e.Factor.ID)
		e.URI = labelled(e.URI, u.Email)
		shown = e.URI
	}
	if err != nil {
		return enrolment{}, err
	}
	e.Image, err = picture(shown)
	return e, err
}

// labelled puts the user's email address where the vendor knows our id only: an
// authenticator app shows it beside the code.
func labelled(uri, email string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return uri
	}
	issuer := u.Query().Get("issuer")
	u.Path = "/" + strings.ReplaceAll(issuer, ":", " ") + ":" + email
	return u.String()
}

// picture is a QR code of the text (ISO/IEC 18004).
func picture(text string) (image, error) {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return "", fmt.Errorf("drawing a code: %w", err)
	}
	code.Scale = 4
	return image(pngData + base64.StdEncoding.EncodeToString(code.PNG())), nil
}

// reveal shows once what was made.
func (s *step) reveal(w http.ResponseWriter, r *http.Request, u store.User, e enrolment) error {
	switch {
	case !web.WantsJSON(r):
		return s.site.Page(w, r, s.view(u, e, nil))
	case e.Factor.Type == device:
		return s.site.JSON(w, map[string]string{"id": e.Factor.ID, "type": device, "enrolment": e.Text})
	}
	return s.site.JSON(w, map[string]string{"id": e.Factor.ID, "type": authenticator, "uri": e.URI})
}

// explain turns a failure into what the user is told.
func (s *step) explain(u store.User, err error) error {
	var told *web.Problem
	if errors.Is(err, errActive) || errors.As(err, &told) {
		return err
	}
	var limited *otp.LimitedError
	p := web.Unavailable(err)
	switch {
	case errors.As(err, &limited):
		p = web.Wait(limited.After, "There were too many tries. Please wait before the next one.").Because(err)
	case errors.Is(err, otp.ErrGone):
		p = web.Expired("This could not be confirmed any more. Remove it and add it anew.").Because(err)
	case errors.Is(err, store.ErrRefused):
		p = web.Unavailable(fmt.Errorf("factors changed meanwhile: %w", err))
	}
	return p.On(s.view(u, enrolment{}, p))
}
