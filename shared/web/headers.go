package web

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"runtime"
)

// closed is the policy of what is no page of ours: it loads, sends and frames
// nothing.
const closed = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// headers hold for every answer. Over plain http, secure or not,
// browsers pass over Strict-Transport-Security (RFC 6797 8.1).
func headers(h http.Header, secure bool) {
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept")
	h.Set("Content-Security-Policy", closed)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
	}
}

// policy is that of a page: it allows the layout's own style and script by their
// hashes, forms to ourselves, and nothing else. The script makes no markup and no
// code of text, and could not (Trusted Types).
func policy() string {
	return "default-src 'none'; script-src '" + digest(script) + "'; style-src '" + digest(style) + "'; img-src data:;" +
		" connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none';" +
		" require-trusted-types-for 'script'"
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func stack() string {
	b := make([]byte, 8<<10)
	return string(b[:runtime.Stack(b, false)])
}
