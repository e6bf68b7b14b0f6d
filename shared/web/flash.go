package web

import "net/http"

// Notice is a message that survives one redirect. It travels as its name, from
// a closed list: a cookie cannot make a page say anything else.
type Notice string

// The notices of all steps.
const (
	NoNotice      Notice = ""
	Welcome       Notice = "welcome"
	WelcomeNoText Notice = "welcome-no-text"
	Resent        Notice = "resent"
	Calling       Notice = "calling"
	UseApp        Notice = "use-app"
	NotSent       Notice = "not-sent"
	BeginAgain    Notice = "begin-again"
	NoTriesLeft   Notice = "no-tries-left"
	Verified      Notice = "verified"
	TooSoon       Notice = "too-soon"
	NotThisWay    Notice = "not-this-way"
	SignInFirst   Notice = "sign-in-first"
	Denied        Notice = "denied"
	TooLate       Notice = "too-late"
	LoggedOut     Notice = "logged-out"
	EverywhereOut Notice = "everywhere-out"
	ProveAgain    Notice = "prove-again"
	FactorAdded   Notice = "factor-added"
	FactorRemoved Notice = "factor-removed"
	NotRegistered Notice = "not-registered"
	OneMoreTime   Notice = "one-more-time"
	PhoneMoved    Notice = "phone-moved"
	NewPassword   Notice = "new-password"
	UseNewOne     Notice = "use-new-one"
	PhoneNext     Notice = "phone-next"
)

// Message is a notice as a page shows it.
type Message struct {
	Text  string
	Error bool
}

func (n Notice) message() Message {
	switch n {
	case Welcome:
		return Message{Text: "Your phone is verified and your account is ready. We sent you a text to confirm it. There is nothing more to do."}
	case WelcomeNoText:
		return Message{Text: "You are signed up and your phone is verified. We meant to text you as well, but that did not work; there is nothing you need to do."}
	case Verified:
		return Message{Text: "Your phone is verified and your account is ready."}
	case Resent:
		return Message{Text: "The code is on its way."}
	case Calling:
		return Message{Text: "We are calling you now to read you the code."}
	case UseApp:
		return Message{Text: "Open your Authy app and enter the code it shows."}
	case NotSent:
		return Message{Text: "We could not send you the code just now. Wait a moment, then ask for it again below.", Error: true}
	case TooSoon:
		return Message{Text: "Please wait a little before you ask for the code again.", Error: true}
	case NotThisWay:
		return Message{Text: "We cannot reach that number this way. Try another one below.", Error: true}
	case NoTriesLeft:
		return Message{Text: "Those were all the tries for that code. For your safety, please begin again.", Error: true}
	case BeginAgain:
		return Message{Text: "There is nothing under way here any more. Please begin again.", Error: true}
	case SignInFirst:
		return Message{Text: "You need to be logged in to see that page.", Error: true}
	case Denied:
		return Message{Text: "The login was denied on your phone. If that was a mistake, enter a code instead.", Error: true}
	case TooLate:
		return Message{Text: "Nobody answered on your phone in time. Enter a code instead, or log in again.", Error: true}
	case LoggedOut:
		return Message{Text: "You are logged out."}
	case EverywhereOut:
		return Message{Text: "You are logged out, here and on every other device."}
	case ProveAgain:
		return Message{Text: "For this, please confirm once more that it is you.", Error: true}
	case FactorAdded:
		return Message{Text: "Done. You can use it from your next login on."}
	case NotRegistered:
		return Message{Text: "The device has not registered yet. Finish on the device, then press the button again.", Error: true}
	case OneMoreTime:
		return Message{Text: "Those were too many codes that did not fit. Please add the app anew.", Error: true}
	case PhoneMoved:
		return Message{Text: "Your account has its new phone. All other devices are logged out, and we told the old number."}
	case NewPassword:
		return Message{Text: "Your password is changed, and all other devices are logged out."}
	case UseNewOne:
		return Message{Text: "Your password is changed. Log in with the new one."}
	case PhoneNext:
		return Message{Text: "That code was right and is used up. Now tell us your new phone."}
	case FactorRemoved:
		return Message{Text: "It is removed and cannot be used to log in any more."}
	}
	return Message{}
}

// Notify shows the notice on the next page.
func (s *Site) Notify(w http.ResponseWriter, n Notice) {
	if n != NoNotice {
		http.SetCookie(w, s.Cookie("notice", string(n), 60))
	}
}

// notice takes the waiting notice, if there is one, and forgets it.
func (s *Site) notice(w http.ResponseWriter, r *http.Request) Message {
	c, err := r.Cookie(s.CookieName("notice"))
	if err != nil {
		return Message{}
	}
	http.SetCookie(w, s.Cookie("notice", "", -1))
	return Notice(c.Value).message()
}

// CookieName is a name that only this very host can set, over https (RFC
// 6265bis 4.1.3); a laptop without https has to do with the plain name.
func (s *Site) CookieName(name string) string {
	if s.Secure {
		return "__Host-latchkey-" + name
	}
	return "latchkey-" + name
}

// Cookie is a cookie that scripts cannot read and other sites' forms do not
// send. age is in seconds: 0 lasts as long as the browser, negative deletes.
func (s *Site) Cookie(name, value string, age int) *http.Cookie {
	return &http.Cookie{
		Name: s.CookieName(name), Value: value, Path: "/", MaxAge: age,
		Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
