package login

import "strings"

// browser is the family and the system of a browser, from a closed list: the
// text that a client sends is anybody's and goes nowhere.
func browser(agent string) string {
	family := first(agent, []pair{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	}, "A browser")
	system := first(agent, []pair{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"CrOS", "ChromeOS"},
		{"Macintosh", "macOS"}, {"Linux", "Linux"},
	}, "")
	if system == "" {
		return family
	}
	return family + " on " + system
}

type pair struct{ sign, name string }

func first(agent string, list []pair, otherwise string) string {
	for _, p := range list {
		if strings.Contains(agent, p.sign) {
			return p.name
		}
	}
	return otherwise
}
