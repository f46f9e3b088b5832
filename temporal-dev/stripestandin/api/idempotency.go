package api

import (
	"unicode/utf8"

	"twigz/temporal-dev/stripestandin/ledger"
	"twigz/temporal-dev/stripestandin/wire"
)

const (
	// keyLife is how long an answer is kept, in seconds: 24 hours.
	keyLife = 24 * 60 * 60
	// keyLength is the most characters that a key may have.
	keyLength = 255
)

// once answers a request that bears a key: as the first one with that key was, if there was one.
func (a *api) once(q *request, key string) answer {
	if n := utf8.RuneCountInString(key); n > keyLength {
		return refused(wire.Invalid("", "", "Idempotency keys must be at most %d characters long; this one has %d.", keyLength, n))
	}
	if !a.begin(key) {
		return refused(wire.Conflict(key))
	}
	defer a.end(key)
	first := a.recall(key)
	switch {
	case first == nil:
		return a.do(q, key)
	case first.Text("request") != q.fingerprint():
		return refused(wire.OtherParameters(key))
	}
	return answer{status: int(first.Int("status")), body: []byte(first.Text("body")), replayed: true}
}

func (a *api) begin(key string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.underway[key] {
		return false
	}
	a.underway[key] = true
	return true
}

func (a *api) end(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.underway, key)
}

// fingerprint is what two requests with one key must have in common.
func (q *request) fingerprint() string { return q.subject + " " + string(q.params.Encode()) }

func (a *api) recall(key string) (first wire.Object) {
	a.Ledger.View(func(t *ledger.Tx) { first = t.Read(answerID(key)) })
	return first
}

// keep keeps an answer to a call that has changed nothing.
func (a *api) keep(q *request, key string, made answer) answer {
	_ = a.Ledger.Do(ledger.Cause{}, func(t *ledger.Tx) *wire.Error {
		remember(t, key, q, made)
		return nil
	})
	return made
}

// remember keeps an answer in the ledger, which forgets it when its time is over.
func remember(t *ledger.Tx, key string, q *request, made answer) {
	if key == "" {
		return
	}
	t.Put(wire.Object{
		"id": answerID(key), "object": ledger.Answer, "request": q.fingerprint(), "status": made.status, "body": string(made.body),
		"_due": t.Now() + keyLife,
	})
}

func answerID(key string) string { return ledger.Answer + " " + key }
