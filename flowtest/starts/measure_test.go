package starts

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// plan is how the bench measures.
type plan struct {
	rounds, events int
	share          float64 // of a processor, for a function with 128 MB
	quota          *quota  // nil: none is possible
}

// figures are what came of a function: medians of all rounds.
type figures struct {
	bare   float64 // start, before anything is connected to
	plain  sample  // over HTTP
	secure sample  // over TLS, connected before the first event
	late   sample  // over TLS, connected in the first event
	small  sample  // as secure, but the first event has a small Lambda's share
	belate sample  // as late, and as small
	apart  sample  // over TLS with the delays of a real table and a real vendor, and the share
}

// How long a real table and a real vendor take, for the wall time of a sign-up.
const (
	tableTakes  = 8 * time.Millisecond
	vendorTakes = 200 * time.Millisecond
)

// longest is how long one request is asked again in one life.
const longest = 600 * time.Millisecond

// authorities are the files of certificates that Go looks for first on Linux.
var authorities = [...]string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"}

// certificates is a file with this machine's certificates and the stub's, since
// reading them all is part of a first connection.
func certificates(t testing.TB, s servers) string {
	t.Helper()
	var all []byte
	for _, name := range authorities {
		text, err := os.ReadFile(name)
		if err == nil {
			all = append(text, '\n')
			break
		}
	}
	all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.list[0].Certificate().Raw})...)
	file := filepath.Join(t.TempDir(), "certificates.pem")
	err := os.WriteFile(file, all, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// measure takes samples of all functions turn by turn, one life of each and then
// the next, so that whatever else the machine does meets all alike, and returns
// their medians.
func measure(t testing.TB, list []*function, p plan) []figures {
	t.Helper()
	s := &stub{}
	plain, secure := s.serve(false), s.serve(true)
	defer plain.close()
	defer secure.close()
	cert := certificates(t, secure)
	all := make([][7][]sample, len(list))
	for range p.rounds {
		for kind, l := range p.lives(plain, secure, cert) {
			l.stub, l.longest = s, longest
			for range l.times {
				for i, f := range list {
					apart := kind == 6
					if f.failed != nil || kind >= 4 && p.quota == nil && !apart || apart && !patient(f) {
						continue
					}
					s.table, s.vendor = 0, 0
					if apart {
						s.table, s.vendor = tableTakes, vendorTakes
					}
					one, err := f.live(l)
					switch {
					case err == nil:
						all[i][kind] = append(all[i][kind], one)
					case l.quota != nil: // a step gives up on a call after a time, and so may one with a small share
						t.Logf("with %g of a processor: %v", p.share, err)
					default:
						f.fail(t, err)
					}
				}
			}
		}
	}
	result := make([]figures, len(list))
	for i, kinds := range all {
		m := [7]sample{}
		for kind, samples := range kinds {
			m[kind] = middle(samples)
		}
		result[i] = figures{m[0].init, m[1], m[2], m[3], m[4], m[5], m[6]}
	}
	return result
}

// lives are those of one round, in the order of figures. The start alone is soon
// over, and so it is seen more often.
func (p plan) lives(plain, secure servers, cert string) [7]life {
	return [...]life{
		{at: nowhere(), events: -1, times: 5},
		{at: plain, warmed: true, events: p.events, times: 1},
		{at: secure, cert: cert, warmed: true, events: p.events, times: 1},
		{at: secure, cert: cert, times: 1},
		{at: secure, cert: cert, warmed: true, quota: p.quota, share: p.share, times: 1},
		{at: secure, cert: cert, quota: p.quota, share: p.share, times: 1},
		{at: secure, cert: cert, warmed: true, quota: p.quota, share: p.share, events: 3, times: 1},
	}
}

// patient are the functions that are also measured beside a slow table and a slow
// vendor, and what one of them cannot be faster than.
func patient(f *function) bool { return f.folder == "functions/signup/lambda" || f.name == hash }

// fail ends the bench, but for a function of another commit, which is left out.
func (f *function) fail(t testing.TB, err error) {
	t.Helper()
	if !f.base() {
		t.Fatal(err)
	}
	f.failed = err
}

// middle is the median of each figure, and the least of the processor's times.
func middle(samples []sample) sample {
	of := func(take func(sample) float64) float64 {
		values := make([]float64, len(samples))
		for i, s := range samples {
			values[i] = take(s)
		}
		return median(values)
	}
	if len(samples) == 0 {
		return sample{}
	}
	m := sample{
		init:  of(func(s sample) float64 { return s.init }),
		first: of(func(s sample) float64 { return s.first }),
		cold:  of(func(s sample) float64 { return s.cold }),
		peak:  of(func(s sample) float64 { return s.peak }),
	}
	for i := range samples[0].wall {
		m.wall = append(m.wall, of(func(s sample) float64 { return s.wall[i] }))
		m.busy = append(m.busy, least(samples, i))
	}
	return m
}

// least is the processor time of a request in the round that was disturbed least:
// what else a machine does only adds to it.
func least(samples []sample, request int) float64 {
	value := samples[0].busy[request]
	for _, s := range samples {
		value = min(value, s.busy[request])
	}
	return value
}
