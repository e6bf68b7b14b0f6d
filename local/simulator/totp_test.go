package simulator

import (
	"strings"
	"testing"
	"time"
)

// The reference values of RFC 6238, appendix B.
func TestTOTPVectors(t *testing.T) {
	t.Parallel()
	digits := strings.Repeat("1234567890", 7)
	secrets := map[string]*totpSecret{
		"sha1":   {Secret: []byte(digits[:20]), Alg: "sha1", Digits: 8, Period: 30},
		"sha256": {Secret: []byte(digits[:32]), Alg: "sha256", Digits: 8, Period: 30},
		"sha512": {Secret: []byte(digits[:64]), Alg: "sha512", Digits: 8, Period: 30},
	}
	for _, c := range []struct {
		at                   int64
		sha1, sha256, sha512 string
	}{
		{59, "94287082", "46119246", "90693936"},
		{1111111109, "07081804", "68084774", "25091201"},
		{1111111111, "14050471", "67062674", "99943326"},
		{1234567890, "89005924", "91819424", "93441116"},
		{2000000000, "69279037", "90698825", "38618901"},
		{20000000000, "65353130", "77737706", "47863826"},
	} {
		for alg, want := range map[string]string{"sha1": c.sha1, "sha256": c.sha256, "sha512": c.sha512} {
			secret := secrets[alg]
			got := secret.code(secret.stepAt(time.Unix(c.at, 0)))
			if got != want {
				t.Errorf("%s at %d: %s, want %s", alg, c.at, got, want)
			}
		}
	}
	short := &totpSecret{Secret: []byte(digits[:20]), Alg: "sha1", Digits: 6, Period: 30}
	if got := short.code(1); got != "287082" {
		t.Errorf("six digits: %s", got)
	}
}

func TestOTPAuth(t *testing.T) {
	t.Parallel()
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // twenty digits
	plain := totpSecret{Secret: []byte("12345678901234567890"), Alg: "sha1", Digits: 6, Period: 30}
	long := totpSecret{Secret: []byte("1234567890"), Alg: "sha512", Digits: 8, Period: 60}
	for text, want := range map[string]totpSecret{
		"otpauth://totp/Latchkey:ada?secret=" + secret:                                                     plain,
		" otpauth://TOTP/x?secret=" + strings.ToLower(secret) + "&algorithm=SHA1&digits=6&period=30\n":     plain,
		"otpauth://totp/?secret=GEZD+GNBV+GY3T+QOJQ+GEZD+GNBV+GY3T+QOJQ&issuer=x&image=y":                  plain,
		"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ%3D%3D%3D%3D&algorithm=sha512&digits=8&period=60":         long,
		"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQ====&algorithm=SHA512&digits=8&period=60&counter=1#cited": long,
	} {
		got, err := parseOTPAuth(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if string(got.Secret) != string(want.Secret) || got.Alg != want.Alg || got.Digits != want.Digits || got.Period != want.Period {
			t.Errorf("%s: %+v", text, got)
		}
	}
	for _, text := range []string{
		"", "x", "https://totp/x?secret=" + secret, "otpauth://hotp/x?secret=" + secret, "otpauth:totp/x?secret=" + secret,
		"otpauth://totp/x", "otpauth://totp/x?secret=", "otpauth://totp/x?secret=====", "otpauth://totp/x?secret=0189", "otpauth://totp/x?secret=A",
		"otpauth://totp/x?secret=" + secret + "&digits=5", "otpauth://totp/x?secret=" + secret + "&digits=9", "otpauth://totp/x?secret=" + secret + "&digits=",
		"otpauth://totp/x?secret=" + secret + "&period=19", "otpauth://totp/x?secret=" + secret + "&period=61", "otpauth://totp/x?secret=" + secret + "&period=30s",
		"otpauth://totp/x?secret=" + secret + "&algorithm=MD5", "otpauth://totp/x?secret=" + strings.Repeat(secret, 7), "otpauth://totp/x?secret=%zz",
	} {
		_, err := parseOTPAuth(text)
		if err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func FuzzOTPAuth(f *testing.F) {
	f.Add("otpauth://totp/Latchkey:ada?secret=GEZDGNBVGY3TQOJQ&issuer=Latchkey&algorithm=SHA1&digits=6&period=30")
	f.Add("otpauth://totp/x?secret=ge+zd====&algorithm=sha256&digits=8&period=20")
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := parseOTPAuth(text)
		if err != nil {
			return
		}
		if n := len(secret.code(1)); n != secret.Digits {
			t.Errorf("%q: a code of %d digits", text, n)
		}
		again, err := parseOTPAuth(secret.otpauth(serviceName, "a b"))
		if err != nil || again.code(7) != secret.code(7) {
			t.Errorf("%q does not survive being written: %v", text, err)
		}
	})
}
