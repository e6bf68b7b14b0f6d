package flowtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/shared/authy"
	"latchkey/shared/otp"
	"latchkey/shared/verify"
)

// providerContract is package otp's, to which both vendors' doors are held
// against the simulator of their APIs.
var providerContract = map[string]func(context.Context, *provided){
	"the right code passes once": func(ctx context.Context, p *provided) {
		for _, c := range []otp.Codes{p.Signup(), p.Login()} {
			to, ref, code := p.sent(c, ana)
			p.want(c.Check(ctx, to, ref, code), nil)
			p.want(c.Check(ctx, to, ref, code), otp.ErrGone)
		}
	},
	"a code passes once even when submitted side by side": func(ctx context.Context, p *provided) {
		to, ref, code := p.sent(p.Login(), ana)
		var passed atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				err := p.Login().Check(ctx, to, ref, code)
				if err == nil {
					passed.Add(1)
				}
			})
		}
		all.Wait()
		if passed.Load() != 1 {
			p.t.Errorf("passed %d times", passed.Load())
		}
	},
	// Of a person who never passed a code: Authy takes anything unless forced.
	"a wrong code is wrong and the right one still passes": func(ctx context.Context, p *provided) {
		to, ref, code := p.sent(p.Signup(), ana)
		p.want(p.Signup().Check(ctx, to, ref, wrongCode(code)), otp.ErrWrong)
		p.want(p.Signup().Check(ctx, to, ref, "12ab56"), otp.ErrWrong)
		p.want(p.Signup().Check(ctx, to, ref, code), nil)
	},
	"another person's code is refused": func(ctx context.Context, p *provided) {
		toAna, refAna, codeAna := p.sent(p.Login(), ana)
		toBen, refBen, _ := p.sent(p.Login(), ben)
		p.want(p.Login().Check(ctx, toBen, refBen, codeAna), otp.ErrWrong)
		p.want(p.Login().Check(ctx, toAna, refAna, codeAna), nil)
	},
	"a code expires": func(ctx context.Context, p *provided) {
		to, ref, code := p.sent(p.Login(), ana)
		p.minutes.Add(11)
		err := p.Login().Check(ctx, to, ref, code)
		if !errors.Is(err, otp.ErrGone) && !errors.Is(err, otp.ErrWrong) {
			p.t.Errorf("eleven minutes later: %v", err)
		}
	},
	"a code is sent again": func(ctx context.Context, p *provided) {
		first, _, _ := p.sent(p.Login(), ana)
		again, ref, code := p.sent(p.Login(), first)
		if first.User != again.User {
			p.t.Errorf("the person was %q and is %q", first.User, again.User)
		}
		n, _, _ := p.code(ana.Phone)
		if n != 2 {
			p.t.Errorf("%d messages", n)
		}
		p.want(p.Login().Check(ctx, again, ref, code), nil)
	},
	"a call brings a code": func(ctx context.Context, p *provided) {
		s, err := p.Signup().Send(ctx, ana, otp.Call)
		p.want(err, nil)
		n, kind, code := p.code(ana.Phone)
		if n != 1 || kind != "call" {
			p.t.Errorf("%d messages, the last a %s", n, kind)
		}
		to := ana
		to.User = s.User
		p.want(p.Signup().Check(ctx, to, s.Ref, code), nil)
	},
	"a landline can be called but not texted": func(ctx context.Context, p *provided) {
		s, err := p.Signup().Send(ctx, landline, otp.SMS)
		p.want(err, otp.ErrUnreachable)
		to := landline
		to.User = s.User
		_, err = p.Signup().Send(ctx, to, otp.Call)
		p.want(err, nil)
	},
	"nothing is there to check before a send": func(ctx context.Context, p *provided) {
		p.want(p.Login().Check(ctx, ana, "", "1234567"), otp.ErrGone)
	},
	"a limit of the vendor's": func(ctx context.Context, p *provided) {
		to, ref, code := p.sent(p.Login(), ana)
		p.weather(`{"api":"429"}`)
		_, err := p.Login().Send(ctx, to, otp.SMS)
		for _, err := range []error{err, p.Login().Check(ctx, to, ref, code)} {
			var limited *otp.LimitedError
			if !errors.As(err, &limited) || limited.After != time.Second {
				p.t.Errorf("got %v, want a wait of the second that the vendor named", err)
			}
		}
		p.weather(`{"api":"ok"}`)
		p.want(p.Login().Check(ctx, to, ref, code), nil)
	},
	"a vendor out of order": func(ctx context.Context, p *provided) {
		to, ref, code := p.sent(p.Login(), ana)
		p.weather(`{"api":"500"}`)
		_, err := p.Login().Send(ctx, to, otp.SMS)
		p.want(err, otp.ErrUnavailable)
		p.want(p.Login().Check(ctx, to, ref, code), otp.ErrUnavailable)
	},
	"a vendor too slow": func(ctx context.Context, p *provided) {
		to, ref, code := p.sent(p.Login(), ana)
		p.weather(`{"api":"slow:1m"}`)
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, err := p.Login().Send(short, to, otp.SMS)
		for _, err := range []error{err, p.Login().Check(short, to, ref, code)} {
			p.want(err, otp.ErrUnavailable)
			p.want(err, context.DeadlineExceeded)
		}
		p.weather(`{"api":"ok"}`)
		p.want(p.Login().Check(ctx, to, ref, code), nil)
	},
	"credentials that the vendor refuses": func(ctx context.Context, p *provided) {
		to, ref, code := p.sent(p.Login(), ana)
		bad := p.reopen(map[string]string{"AUTHY_API_KEY": "canarykey", "TWILIO_AUTH_TOKEN": "canarytoken"})
		_, err := bad.Signup().Send(ctx, ana, otp.SMS)
		for _, err := range []error{err, bad.Login().Check(ctx, to, ref, code)} {
			p.want(err, otp.ErrUnavailable)
			if !strings.Contains(err.Error(), "credentials refused") || strings.Contains(err.Error(), "canary") {
				p.t.Errorf("operator is told %q", err)
			}
		}
	},
	"a vendor that cannot be reached": func(ctx context.Context, p *provided) {
		closed := httptest.NewServer(nil)
		closed.Close()
		to, ref, code := p.sent(p.Login(), ana)
		_, err := p.at(closed.URL).Login().Send(ctx, to, otp.SMS)
		p.want(err, otp.ErrUnavailable)
		p.want(p.at(closed.URL).Login().Check(ctx, to, ref, code), otp.ErrUnavailable)
	},
	"nothing but an explicit approval passes": func(ctx context.Context, p *provided) {
		to, ref, code := p.sent(p.Login(), ana)
		for _, body := range []string{
			``, `{}`, `[]`, `true`, `null`, `"approved"`, `"is valid"`, `{"success":true}`, `{"valid":true}`, `{"status":"ok"}`,
			`{"status":"success","success":"true","token":"ok"}`, `{"message":"Token is valid.","success":true}`, `<html>approved is valid</html>`,
		} {
			for _, status := range []int{200, 201, 204, 302, 404, 500} {
				srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(status)
					io.WriteString(w, body)
				}))
				err := p.at(srv.URL).Login().Check(ctx, to, ref, code)
				if err == nil {
					p.t.Errorf("%d with %q passes", status, body)
				}
				srv.Close()
			}
		}
	},
}

func TestProviderContract(t *testing.T) {
	t.Parallel()
	for name, open := range providers {
		for behaviour, run := range providerContract {
			t.Run(name+"/"+behaviour, func(t *testing.T) { run(t.Context(), provide(t, open)) })
		}
	}
}

// What only one of the two has.

func TestVerifyCountsToFive(t *testing.T) {
	p := provide(t, providers[verify.Name])
	to, ref, code := p.sent(p.Login(), ana)
	for range 4 {
		p.sent(p.Login(), ana)
	}
	for range 5 {
		p.want(p.Login().Check(t.Context(), to, ref, wrongCode(code)), otp.ErrWrong)
	}
	_, err := p.Login().Send(t.Context(), ana, otp.SMS)
	for _, err := range []error{err, p.Login().Check(t.Context(), to, ref, code)} {
		var limited *otp.LimitedError
		if !errors.As(err, &limited) || limited.After != 10*time.Minute {
			t.Errorf("sixth: %v", err)
		}
	}
}

// A stranger's sign-up for a phone gives no code that its owner's login takes.
func TestVerifyServicesAreApart(t *testing.T) {
	p := provide(t, providers[verify.Name])
	to, ref, code := p.sent(p.Signup(), ana)
	p.want(p.Login().Check(t.Context(), to, ref, code), otp.ErrGone)
	_, loginRef, loginCode := p.sent(p.Login(), ana)
	if loginRef == ref {
		t.Error("sign-up and login share a verification")
	}
	if loginCode != code {
		p.want(p.Login().Check(t.Context(), to, loginRef, code), otp.ErrWrong)
	}
	p.want(p.Signup().Check(t.Context(), to, ref, code), nil)
}

func TestAuthyAppStandsInForAText(t *testing.T) {
	p := provide(t, providers[authy.Name])
	p.ask("PUT", "/api/phones/"+string(ana.Phone)+"/app", `{"installed":true}`, &struct{}{})
	s, err := p.Login().Send(t.Context(), ana, otp.SMS)
	n, _, _ := p.code(ana.Phone)
	if err != nil || !s.App || n != 0 {
		t.Errorf("login: %+v, %v, %d messages", s, err, n)
	}
	to := ana
	to.User = s.User
	var shown struct{ Token string }
	p.ask("GET", "/api/phones/"+string(ana.Phone)+"/token", "", &shown)
	p.want(p.Login().Check(t.Context(), to, "", shown.Token), nil)
	_, _, code := p.sent(p.Signup(), to)
	p.want(p.Signup().Check(t.Context(), to, "", code), nil)
}
