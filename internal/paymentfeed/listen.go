package paymentfeed

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"twigz/models"
)

const (
	// connectTime bounds one attempt to connect and listen.
	connectTime = 5 * time.Second
	// firstPause and longestPause are between two attempts to connect; each pause
	// is up to twice the one before.
	firstPause, longestPause = 100 * time.Millisecond, 10 * time.Second
)

// Run listens until ctx ends, and then lets every stream go. It may be called
// once.
func (f *Feed) Run(ctx context.Context) {
	defer f.end()
	pause := firstPause
	for ctx.Err() == nil {
		listened, err := f.listen(ctx)
		if ctx.Err() != nil {
			return // told to stop: nothing is wrong
		}
		if !f.awaySaid {
			f.awaySaid = true
			f.log.WarnContext(ctx, "changes are not told to streams until postgres can be listened to again", "error", models.Describe(err))
		}
		if listened {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)): // not all processes at once
		}
		pause = min(2*pause, longestPause)
	}
}

// listen tells of changes until the connection breaks or ctx ends. listened says
// whether it came to that.
func (f *Feed) listen(ctx context.Context) (listened bool, err error) {
	conn, err := f.connect(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing is left to lose
	if f.awaySaid {
		f.awaySaid = false
		f.log.InfoContext(ctx, "changes are told to streams again")
	}
	f.tellAll() // whatever happened before is not told
	for {
		told, err := f.next(ctx, conn)
		if err != nil {
			return true, err
		}
		f.tell(told.Payload)
	}
}

func (f *Feed) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	config, err := pgx.ParseConfig(f.url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a Postgres URL") // the driver's own words may quote the password
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "LISTEN payments"); err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

// next waits for a change. While it is silent it asks for a sign of life: a
// connection that was cut without a word would be silent for ever.
func (f *Feed) next(ctx context.Context, conn *pgx.Conn) (*pgconn.Notification, error) {
	for {
		quiet, cancel := context.WithTimeout(ctx, f.ping)
		told, err := conn.WaitForNotification(quiet)
		cancel()
		if err == nil || ctx.Err() != nil || conn.IsClosed() {
			return told, err
		}
		alive, cancel := context.WithTimeout(ctx, f.ping)
		err = conn.Ping(alive)
		cancel()
		if err != nil {
			return nil, err
		}
	}
}
