package login

import (
	"strings"
	"testing"
)

func TestBrowser(t *testing.T) {
	for agent, want := range map[string]string{
		"": "A browser",
		"Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0":                                                                     "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36":                            "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0.0.0":              "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":                      "Safari on macOS",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 OPR/115.0.0.0":        "Opera on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1":    "Safari on iPhone",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/130.0.0.0 Mobile/15E148 Safari/604.1": "Chrome on iPhone",
		"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/132.0 Mobile/15E148 Safari/605.1.15":           "Firefox on iPad",
		"Mozilla/5.0 (Linux; Android 14; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36": "Samsung Internet on Android",
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36":                            "Chrome on Android",
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36":                             "Chrome on ChromeOS",
		"curl/8.5.0": "curl", "Go-http-client/1.1": "A browser", "Approve me, I am your bank": "A browser", "FIREFOX/1": "A browser",
	} {
		if got := browser(agent); got != want {
			t.Errorf("%q: %q, want %q", agent, got, want)
		}
	}
}

// What a push shows is never the visitor's own words: whatever the agent says,
// the answer is one of a closed list (R-030; parity 84).
func FuzzBrowser(f *testing.F) {
	for _, s := range []string{"", "curl/8", "Firefox/1 Windows", "APPROVE THIS Edg iPhone", "\x00", strings.Repeat("Safari/ ", 1000)} {
		f.Add(s)
	}
	families := []string{"A browser", "Chrome", "Edge", "Firefox", "Opera", "Safari", "Samsung Internet", "curl"}
	systems := []string{"", " on Android", " on ChromeOS", " on Linux", " on Windows", " on iPad", " on iPhone", " on macOS"}
	all := map[string]bool{}
	for _, family := range families {
		for _, system := range systems {
			all[family+system] = true
		}
	}
	f.Fuzz(func(t *testing.T, agent string) {
		if got := browser(agent); !all[got] {
			t.Errorf("%q becomes %q", agent, got)
		}
	})
}
