package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"latchkey/shared/phone"
)

// Profile is what a sign-up form says of a person and what sending a code
// needs. A sign-up's session carries it until its phone is proved; then the
// user does.
type Profile struct {
	Name        string
	Email       string // normalised
	Phone       phone.Number
	Country     string // ISO 3166 code of the phone's region
	CallingCode string // digits: "49"
	Hash        string // bcrypt
	Provider    string // whose codes this person gets: "verify" or "authy"
	ProviderRef string // the vendor's id of the person; Authy only
}

// User is an account. It is written once its phone is proved, never before,
// and its key is the uniqueness of its email address.
//
// Who can read it learns a name, an address and a phone. Who can change it can
// take the account over, by its hash or its phone.
type User struct {
	Key   string // Hash of the normalised email
	UID   string // id of the sign-up session that made it: 32 lower-case hex digits, also the identity at Verify
	Epoch string // random; sessions of another epoch are dead
	Profile
	Role       string
	Proof      string // recognises the code that made it, for the try after a crash
	CreatedAt  time.Time
	VerifiedAt time.Time
}

func userKey(k string) item { return key("U#"+k, "U") }

// CreateUser writes a new user. When there is one already under this email it
// returns that one and ErrRefused; but a user made by the same session, in an
// earlier try whose answer was lost, counts as created.
func (t *Table) CreateUser(ctx context.Context, u User) (User, error) {
	err := t.put(ctx, u.item(), "attribute_not_exists(pk)", nil)
	if !errors.Is(err, ErrRefused) {
		return u, err
	}
	other, err := t.User(ctx, u.Key)
	if err != nil {
		return User{}, err
	}
	if other.MadeBy(u.UID, u.Epoch) {
		return other, nil
	}
	return other, ErrRefused
}

// MadeBy reports whether this very session made the user. Its id alone does not
// tell: who sends an old sign-up form again, after its session was deleted,
// gets a session of the same id. The epoch is random each time.
func (u User) MadeBy(uid, epoch string) bool { return u.UID == uid && u.Epoch == epoch }

// User reads one user by the hash of the email, or ErrNotFound.
func (t *Table) User(ctx context.Context, k string) (User, error) {
	it, err := t.get(ctx, userKey(k))
	if err != nil {
		return User{}, err
	}
	return userFrom(it), nil
}

func (u User) item() item {
	it := userKey(u.Key)
	it.set("uid", u.UID)
	it.set("epoch", u.Epoch)
	it.set("role", u.Role)
	it.set("proof", u.Proof)
	it.set("created_at", u.CreatedAt)
	it.set("verified_at", u.VerifiedAt)
	u.Profile.into(it)
	return it
}

func userFrom(it item) User {
	return User{
		Key:        strings.TrimPrefix(it.text("pk"), "U#"),
		UID:        it.text("uid"),
		Epoch:      it.text("epoch"),
		Profile:    profileFrom(it),
		Role:       it.text("role"),
		Proof:      it.text("proof"),
		CreatedAt:  it.time("created_at"),
		VerifiedAt: it.time("verified_at"),
	}
}

func (p Profile) into(it item) {
	it.set("name", p.Name)
	it.set("email", p.Email)
	it.set("phone", string(p.Phone))
	it.set("country", p.Country)
	it.set("calling_code", p.CallingCode)
	it.set("hash", p.Hash)
	it.set("provider", p.Provider)
	it.set("provider_ref", p.ProviderRef)
}

func profileFrom(it item) Profile {
	return Profile{
		Name:        it.text("name"),
		Email:       it.text("email"),
		Phone:       phone.Number(it.text("phone")),
		Country:     it.text("country"),
		CallingCode: it.text("calling_code"),
		Hash:        it.text("hash"),
		Provider:    it.text("provider"),
		ProviderRef: it.text("provider_ref"),
	}
}
