// Package simulator plays the vendors that latchkey talks to (legacy Authy,
// Twilio Verify v2, Twilio Messages) and the phone that their texts and calls
// reach, for a run on a laptop and for tests. It keeps the vendors' wire
// shapes, codes and limits; where it knowingly differs, the code says so.
//
// It must not know the product: it imports none of its packages and no vendor
// library, so that one misreading of an API cannot sit on both sides of the
// wire and agree with itself. It is no security boundary either: serve it on
// the loopback address only.
package simulator

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// Options sets up a Simulator. The zero value works, with every vendor call
// refused for want of credentials.
type Options struct {
	// Now tells the time; nil means time.Now. It is called from several
	// goroutines. Only slow weather waits in real time.
	Now func() time.Time
	// AccountSID and AuthToken are the Basic user and password that Verify and
	// Messages accept. API keys (SK…) are not simulated.
	AccountSID, AuthToken string
	// AuthyKey is what the header X-Authy-API-Key must carry.
	AuthyKey string
	// Services are the Verify services (VA…) that exist.
	Services []string
	// CallbackURL is the stack's public address for callbacks, signed and posted
	// to, such as http://localhost:3000/onetouch/callback. Empty: nobody is
	// called back. It has no query, for implementations of Authy's signature
	// disagree about one.
	CallbackURL string
	// StateFile keeps what must outlive a restart: Authy's users and the apps
	// installed on the phones. Empty keeps it in memory only.
	StateFile string
	// Log gets one debug line per vendor call, without numbers or codes; nil
	// discards.
	Log *slog.Logger
}

// Simulator holds the vendors and the phones. It is safe for concurrent use.
type Simulator struct {
	opts     Options
	services map[string]bool
	log      *slog.Logger

	closing context.Context // done once Close was called: ends slow weather
	end     context.CancelFunc
	waiting sync.WaitGroup // calls that the weather holds, and callbacks on their way
	caller  *http.Client   // of callbacks

	mu    sync.Mutex
	world *world // guarded by mu, with all that hangs on it
}

// world is all that DELETE /api forgets. A vendor part that joins later adds
// its own field here and its routes to Vendors.
type world struct {
	weather  weather
	stats    stats
	phones   map[string]*handset // by E.164
	authy    map[int]*authyUser  // by authy id
	verify   map[verifyKey]*verification
	entities map[string]*entity // by service and lower-case identity
	messages messageLog

	approvals map[string]*approval // by the vendor's id
	asked     uint64               // approvals so far, for their order
	overtaken *delivery            // what reorder weather holds back, nil: nothing
	faults    int                  // error answers in a row to Authy's callbacks

	deliveries uint64 // to any phone
}

func newWorld() *world {
	return &world{
		weather:   fairWeather(),
		phones:    map[string]*handset{},
		authy:     map[int]*authyUser{},
		verify:    map[verifyKey]*verification{},
		entities:  map[string]*entity{},
		approvals: map[string]*approval{},
	}
}

// stats are the counts of GET /api/stats.
type stats struct {
	SMS       int `json:"sms"`
	Calls     int `json:"calls"`
	Checks    int `json:"checks"`
	Approvals int `json:"approvals"`
	Callbacks int `json:"callbacks"`
}

// New returns a Simulator with the users of the state file, if there is one.
// It fails when that file cannot be read or understood.
func New(o Options) (*Simulator, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	err := checkCallbackURL(o.CallbackURL)
	if err != nil {
		return nil, fmt.Errorf("setting up simulator: %w", err)
	}
	s := &Simulator{opts: o, services: map[string]bool{}, log: o.Log, world: newWorld(), caller: newCaller()}
	s.closing, s.end = context.WithCancel(context.Background())
	for _, sid := range o.Services {
		s.services[sid] = true
	}
	err = s.load()
	if err != nil {
		return nil, fmt.Errorf("loading simulator state: %w", err)
	}
	return s, nil
}

// Close ends every wait that the weather imposes, calls off the callbacks that
// are on their way and returns when all that is over. Close the servers of
// Vendors and Phone first.
func (s *Simulator) Close() error {
	s.mu.Lock()
	s.end()
	s.mu.Unlock()
	s.waiting.Wait()
	s.caller.CloseIdleConnections()
	return nil
}

// Vendors serves Authy under /protected/json and /onetouch/json, Verify under /v2 and Messages
// under /2010-04-01.
func (s *Simulator) Vendors() http.Handler {
	mux := http.NewServeMux()
	s.authyRoutes(mux)
	s.verifyRoutes(mux)
	s.entityRoutes(mux)
	s.messageRoutes(mux)
	s.settingsRoutes(mux)
	return mux
}

// now is the simulated time in UTC. Twilio's times have whole seconds, but
// expiry is compared in full.
func (s *Simulator) now() time.Time { return s.opts.Now().UTC() }

// forget empties the world and the state file.
func (s *Simulator) forget() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world = newWorld()
	return s.save()
}
