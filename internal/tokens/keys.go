package tokens

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

const (
	// fetchTime bounds one request for the keys.
	fetchTime = 5 * time.Second
	// refresh is how often the keys are fetched without need, so that one that was
	// withdrawn does not stay good.
	refresh = 15 * time.Minute
	// fetchPause is the least time between two fetches for whatever reason: tokens
	// with made-up key IDs must not become a storm at the identity provider's door.
	fetchPause = 10 * time.Second
)

// Keys are an identity provider's public keys as it publishes them (RFC 7517).
// They are kept, and those that are known are good while it cannot be reached.
// It is safe for concurrent use.
type Keys struct {
	url   string
	log   *slog.Logger
	pause time.Duration // see fetchPause
	known keySet
	find  keyfunc.Keyfunc

	mu      sync.Mutex
	running *fetch    // nil: none is
	last    time.Time // when the last one began; zero: never
	away    bool      // the last one failed
}

// fetch is one request for the keys that any number of callers wait for.
type fetch struct{ done chan struct{} }

// NewKeys makes keys that are fetched from url, once Run runs or a token needs
// them.
func NewKeys(url string, log *slog.Logger) *Keys {
	k := &Keys{url: url, log: log, pause: fetchPause, known: keySet{jwkset.NewMemoryStorage()}}
	find, err := keyfunc.New(keyfunc.Options{Storage: k.known, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
	if err != nil {
		panic(err) // unreachable: there is a storage
	}
	k.find = find
	return k
}

// Run fetches the keys at once and then now and again until ctx ends, sooner while
// it does not succeed.
func (k *Keys) Run(ctx context.Context) {
	for ctx.Err() == nil {
		k.fetch(ctx)
		next := refresh
		if k.failing() {
			next = k.pause
		}
		select {
		case <-ctx.Done():
		case <-time.After(next):
		}
	}
}

// of is the key, or the keys, that a token may be signed with. One that names a
// key that is not known may be signed with a new one: then the keys are fetched,
// unless they just were.
func (k *Keys) of(ctx context.Context, t *jwt.Token) (any, error) {
	key, err := k.find.KeyfuncCtx(ctx)(t)
	if !errors.Is(err, jwkset.ErrKeyNotFound) {
		return key, err
	}
	k.fetch(ctx)
	return k.find.KeyfuncCtx(ctx)(t)
}

// fetch fetches the keys, or waits for the one who is at it. It does nothing when
// the last fetch was a moment ago.
func (k *Keys) fetch(ctx context.Context) {
	k.mu.Lock()
	running := k.running
	if running == nil {
		if !k.last.IsZero() && time.Since(k.last) < k.pause {
			k.mu.Unlock()
			return
		}
		running = &fetch{done: make(chan struct{})}
		k.running, k.last = running, time.Now()
		// Not the caller's context: others wait for it, and the caller may go.
		go k.run(context.WithoutCancel(ctx), running)
	}
	k.mu.Unlock()
	select {
	case <-running.done:
	case <-ctx.Done():
	}
}

func (k *Keys) run(ctx context.Context, running *fetch) {
	// Making a storage fetches once into what it is given, and leaves that alone
	// when it fails.
	_, err := jwkset.NewStorageFromHTTP(k.url, jwkset.HTTPClientStorageOptions{
		Client: &http.Client{Timeout: fetchTime}, Ctx: ctx, HTTPTimeout: fetchTime, Storage: k.known,
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err != nil && !k.away:
		k.log.WarnContext(ctx, "AUTH_JWKS_URL cannot be read, only keys that are known already are good", "error", err)
	case err == nil && k.away:
		k.log.InfoContext(ctx, "AUTH_JWKS_URL can be read again")
	}
	k.away, k.running = err != nil, nil
	close(running.done)
}

func (k *Keys) failing() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.away
}

// keySet is what is known. It is never emptied: an answer without any key is a
// fault at the other end, not the end of all of them.
type keySet struct{ jwkset.Storage }

// KeyReplaceAll takes over a set that was fetched.
func (s keySet) KeyReplaceAll(ctx context.Context, given []jwkset.JWK) error {
	if len(given) == 0 {
		return errors.New("the answer holds no key that can be used")
	}
	return s.Storage.KeyReplaceAll(ctx, given)
}
