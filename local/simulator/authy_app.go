package simulator

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"slices"
	"time"
)

// The app's tokens are RFC 6238 codes: SHA-1, seven digits, a new one every
// thirty seconds. One step of clock difference either way is forgiven.
const (
	appStep = 30 * time.Second
	appSkew = 1
)

func appStepAt(t time.Time) int64 { return t.Unix() / int64(appStep/time.Second) }

func appToken(seed []byte, step int64) string {
	mac := hmac.New(sha1.New, seed)
	_ = binary.Write(mac, binary.BigEndian, step)
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
	return fmt.Sprintf("%07d", n%10_000_000)
}

// judgeApp compares code with the app's tokens around now. Each step passes
// once.
func (u *authyUser) judgeApp(seed []byte, code string, now time.Time) verdict {
	current := appStepAt(now)
	u.appSteps = slices.DeleteFunc(u.appSteps, func(step int64) bool { return step < current-appSkew })
	for step := current - appSkew; step <= current+appSkew; step++ {
		if appToken(seed, step) != code {
			continue
		}
		if slices.Contains(u.appSteps, step) {
			return tokenReused
		}
		u.appSteps = append(u.appSteps, step)
		return tokenRight
	}
	return tokenWrong
}
