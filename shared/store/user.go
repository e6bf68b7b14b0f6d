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

// About is what others know of this person, in all its spellings: a password is
// not made of it.
func (p Profile) About() []string {
	local, _, _ := strings.Cut(p.Email, "@")
	return append(strings.Fields(p.Name), p.Name, p.Email, local, string(p.Phone), p.Phone.National(p.CallingCode))
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
	Proof      string // recognises the code that made it, or that moved its phone, for the try after a crash
	CreatedAt  time.Time
	VerifiedAt time.Time
	MovedAt    time.Time // when the phone was changed last; zero if it never was
	MovedBy    string    // the session that did it
	MovedFrom  phone.Number
	PasswordBy string // recognises the form that changed the password last; empty if none did

	Factors        []Factor // oldest first
	FactorsVersion int
	Pushes         []Push // those that count for something, oldest first
	PushesVersion  int
	PushCount      int // pushes since PushSince or the last completed login
	PushSince      time.Time

	Recovery        []RecoveryCode // in the order in which they were shown
	RecoveryVersion int
	RecoveryAt      time.Time // when the codes were made
}

// Factor is a device or an app that a user enrolled at Verify.
type Factor struct {
	ID        string // ours, and its friendly name at the vendor
	Type      string // "push" or "totp"
	SID       string // the vendor's; a device's is known once it registered
	Active    bool   // it was confirmed and can be asked
	Tries     int    // codes that were tried to confirm it
	CreatedAt time.Time
}

// Push is one approval that a login of this user asked for.
type Push struct {
	Session string
	Ref     Ref // zero while, or because, the vendor's answer is not known
	At      time.Time
	Browser string // family and system, from a closed list
}

// RecoveryCode is one code that a user keeps for when the phone is lost. It is
// good for one session.
type RecoveryCode struct {
	Hash   []byte    // as package recovery's Digest makes it
	UsedBy string    // id of the session that used it; empty while it is good
	UsedAt time.Time // zero while it is good
}

// RecoveryLeft is how many of the user's recovery codes are still good.
func (u User) RecoveryLeft() int {
	left := 0
	for _, c := range u.Recovery {
		if c.UsedBy == "" {
			left++
		}
	}
	return left
}

func userKey(k string) item { return key("U#"+k, "U") }

// CreateUser writes a new user, and reports whether this very call did. It is
// ErrRefused when there is one already under this email; but one that the same
// session made, by an equal request or by a try whose answer was lost, is no
// error.
func (t *Table) CreateUser(ctx context.Context, u User) (wrote bool, err error) {
	err = t.put(ctx, u.item(), "attribute_not_exists(pk)", nil)
	if !errors.Is(err, ErrRefused) {
		return err == nil, err
	}
	other, err := t.User(ctx, u.Key)
	if err != nil {
		return false, err
	}
	if !other.MadeBy(u.UID, u.Epoch) {
		return false, ErrRefused
	}
	return false, nil
}

// MadeBy reports whether this very session made the user. Its id alone does not
// tell: who sends an old sign-up form again, after its session was deleted,
// gets a session of the same id. The epoch is random each time.
func (u User) MadeBy(uid, epoch string) bool { return u.UID == uid && u.Epoch == epoch }

// Reference is what the owner's other systems call the user by, opaque to them:
// the key and the id, so that an account that was deleted and made anew under the
// same email is not taken for the old one.
func (u User) Reference() string { return reference(u.Key, u.UID) }

func reference(key, uid string) string { return key + "." + uid }

// User reads one user by the hash of the email, or ErrNotFound.
func (t *Table) User(ctx context.Context, k string) (User, error) {
	it, err := t.get(ctx, userKey(k))
	if err != nil {
		return User{}, err
	}
	return userFrom(it), nil
}

// SwapPushes writes the user's list of pushes and their count as they are in u,
// if nobody did since u was read, else ErrRefused. Afterwards the list's version
// is one more.
func (t *Table) SwapPushes(ctx context.Context, u User) error {
	return t.swapList(ctx, u, "pushes", u.PushesVersion, pushItems(u.Pushes), item{
		"push_count": number(int64(u.PushCount)), "push_since": millis(u.PushSince),
	})
}

// ForgetPushes begins to count a user's pushes anew: a login was completed.
// ErrRefused says that the user is gone.
func (t *Table) ForgetPushes(ctx context.Context, k, uid string) error {
	return t.change(ctx, userKey(k), "REMOVE push_count, push_since", "uid = :uid", item{":uid": text(uid)})
}

// SwapFactors replaces the user's list of factors if nobody did since u was
// read, else ErrRefused. Afterwards the list's version is one more.
func (t *Table) SwapFactors(ctx context.Context, u User, factors []Factor) error {
	return t.swapList(ctx, u, "factors", u.FactorsVersion, factorItems(factors), nil)
}

// SwapRecovery replaces the user's recovery codes, made at this time, if nobody
// did since u was read, else ErrRefused. To mark one of them as used is such a
// swap, too, at u.RecoveryAt. Afterwards the list's version is one more.
func (t *Table) SwapRecovery(ctx context.Context, u User, codes []RecoveryCode, at time.Time) error {
	return t.swapList(ctx, u, "recovery", u.RecoveryVersion, recoveryItems(codes), item{"recovery_at": millis(at)})
}

func (t *Table) swapList(ctx context.Context, u User, name string, version int, list []item, besides item) error {
	change := "SET " + name + " = :list, " + name + "_version = :next"
	values := item{
		":uid": text(u.UID), ":epoch": text(u.Epoch), ":next": number(int64(version + 1)), ":list": maps(list),
	}
	condition := "attribute_exists(pk) AND uid = :uid AND epoch = :epoch AND " + unchanged(values, name, version)
	for also, value := range besides {
		change += ", " + also + " = :" + also
		values[":"+also] = value
	}
	return t.change(ctx, userKey(u.Key), change, condition, values)
}

// unchanged holds while a list of the user's has the version that was read.
func unchanged(values item, name string, version int) string {
	if version == 0 {
		return "attribute_not_exists(" + name + "_version)"
	}
	values[":"+name] = number(int64(version))
	return name + "_version = :" + name
}

// NewEpoch ends all sessions and forgets all known browsers of the user.
// ErrRefused says that the user is gone or has another epoch already, but for
// this very one.
func (t *Table) NewEpoch(ctx context.Context, u User, epoch string) error {
	return t.change(ctx, userKey(u.Key), "SET epoch = :next",
		"attribute_exists(pk) AND uid = :uid AND (epoch = :epoch OR epoch = :next)",
		item{":uid": text(u.UID), ":epoch": text(u.Epoch), ":next": text(epoch)})
}

// Rehash replaces the hash of the same password by a stronger one. ErrRefused
// says that the password was changed meanwhile.
func (t *Table) Rehash(ctx context.Context, u User, hash string) error {
	return t.change(ctx, userKey(u.Key), "SET #hash = :next", "attribute_exists(pk) AND uid = :uid AND #hash = :hash",
		item{":uid": text(u.UID), ":hash": text(u.Hash), ":next": text(hash)})
}

func pushItems(pushes []Push) []item {
	list := []item{}
	for _, p := range pushes {
		it := item{}
		it.set("session", p.Session)
		it.set("ref", p.Ref.String())
		it.set("at", p.At)
		it.set("browser", p.Browser)
		list = append(list, it)
	}
	return list
}

func pushesFrom(list []item) []Push {
	var pushes []Push
	for _, it := range list {
		pushes = append(pushes, Push{
			Session: it.text("session"), Ref: ParseRef(it.text("ref")), At: it.time("at"), Browser: it.text("browser"),
		})
	}
	return pushes
}

func factorItems(factors []Factor) []item {
	list := []item{}
	for _, f := range factors {
		it := item{}
		it.set("id", f.ID)
		it.set("type", f.Type)
		it.set("sid", f.SID)
		if f.Active {
			it.set("active", 1)
		}
		it.set("tries", f.Tries)
		it.set("created_at", f.CreatedAt)
		list = append(list, it)
	}
	return list
}

func factorsFrom(list []item) []Factor {
	var factors []Factor
	for _, it := range list {
		factors = append(factors, Factor{
			ID: it.text("id"), Type: it.text("type"), SID: it.text("sid"), Active: it.number("active") != 0,
			Tries: int(it.number("tries")), CreatedAt: it.time("created_at"),
		})
	}
	return factors
}

func recoveryItems(codes []RecoveryCode) []item {
	list := []item{}
	for _, c := range codes {
		it := item{}
		it.set("hash", c.Hash)
		it.set("used_by", c.UsedBy)
		it.set("used_at", c.UsedAt)
		list = append(list, it)
	}
	return list
}

func recoveryFrom(list []item) []RecoveryCode {
	var codes []RecoveryCode
	for _, it := range list {
		codes = append(codes, RecoveryCode{Hash: it.bytes("hash"), UsedBy: it.text("used_by"), UsedAt: it.time("used_at")})
	}
	return codes
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
		MovedAt:    it.time("moved_at"),
		MovedBy:    it.text("moved_by"),
		MovedFrom:  phone.Number(it.text("moved_from")),
		PasswordBy: it.text("password_by"),

		Factors:        factorsFrom(it.items("factors")),
		FactorsVersion: int(it.number("factors_version")),
		Pushes:         pushesFrom(it.items("pushes")),
		PushesVersion:  int(it.number("pushes_version")),
		PushCount:      int(it.number("push_count")),
		PushSince:      it.time("push_since"),

		Recovery:        recoveryFrom(it.items("recovery")),
		RecoveryVersion: int(it.number("recovery_version")),
		RecoveryAt:      it.time("recovery_at"),
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
