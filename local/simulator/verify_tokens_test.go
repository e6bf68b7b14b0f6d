package simulator

import (
	"fmt"
	"testing"
	"time"
)

// Identities that only asked for tokens leave nothing behind.
func TestTokensAreSwept(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	s, err := New(Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserve("VA1", "somebody").begin(now)
	for i := range verifySweep {
		s.keepToken("VA1", fmt.Sprintf("identity-%d", i), "token", accessToken{ends: now.Add(time.Minute)})
	}
	s.keepToken("VA1", "somebody", "token", accessToken{ends: now.Add(2 * time.Minute)})
	if n := len(s.world.entities); n != verifySweep+1 {
		t.Fatalf("%d kept while they are good", n)
	}
	now = now.Add(time.Minute)
	s.keepToken("VA1", "identity-last", "token", accessToken{ends: now.Add(time.Minute)})
	if n := len(s.world.entities); n != 2 {
		t.Errorf("%d kept, want the entity and the new one", n)
	}
	somebody := s.reserve("VA1", "SOMEBODY")
	if somebody.SID == "" || !somebody.allows("token", "x", now) {
		t.Error("an entity lost its token")
	}
}
