package simulator

import (
	"crypto/rand"
	"encoding/hex"
	"math/big"
)

// newSID returns a Twilio identifier: two letters and 32 hex digits.
func newSID(prefix string) string { return prefix + hex.EncodeToString(randomBytes(16)) }

// newCode returns n random digits, leading zeros included.
func newCode(n int) string {
	code := make([]byte, n)
	for i := range code {
		code[i] = '0' + byte(randomBelow(10))
	}
	return string(code)
}

func randomBelow(n int64) int64 {
	v, err := rand.Int(rand.Reader, big.NewInt(n))
	if err != nil {
		panic(err) // crypto/rand never fails on a supported system
	}
	return v.Int64()
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never returns an error, see crypto/rand
	return b
}
