package models

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// DB is the door to Twigz's tables. Its methods are short transactions; each
// either happens whole or not at all. It is safe for concurrent use.
type DB struct{ gorm *gorm.DB }

// Open prepares a pool of at most size connections to the Postgres at url. It
// does not connect: a process may start before its database. Statements wait
// for a free connection no longer than their context allows.
func Open(url string, size int) (*DB, error) {
	// PrepareStmt stays off: with pgx it halves throughput, because statements
	// first met inside a transaction are prepared again every time.
	db, err := gorm.Open(postgres.Open(url), &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		Logger:                 logger.Discard, // errors are returned, and logged once by whoever handles them
	})
	if err != nil {
		// The driver's own message may quote the URL, and with it the password.
		return nil, errors.New("DATABASE_URL is not a Postgres URL")
	}
	pool, err := db.DB()
	if err != nil {
		return nil, fmt.Errorf("database pool: %w", err)
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	return &DB{gorm: db}, nil
}

// SQL is the pool beneath, for migrations.
func (db *DB) SQL() *sql.DB {
	pool, err := db.gorm.DB()
	if err != nil {
		panic(err) // unreachable: Open asked for the same pool
	}
	return pool
}

// Ping asks the database for a sign of life.
func (db *DB) Ping(ctx context.Context) error { return db.SQL().PingContext(ctx) }

// Close gives the pool's connections back.
func (db *DB) Close() error { return db.SQL().Close() }

func (db *DB) transaction(ctx context.Context, do func(tx *gorm.DB) error) error {
	return db.gorm.WithContext(ctx).Transaction(do)
}

// ErrorKind says what a caller did that cannot be.
type ErrorKind string

// The kinds of error that are the caller's to mend. Every other error is ours.
const (
	NotFound ErrorKind = "not_found" // it is not there, or not the caller's
	Conflict ErrorKind = "conflict"  // the present state does not allow it
	Invalid  ErrorKind = "invalid"   // a value that cannot be
)

// Error is an error that its caller can mend. Message is stable and may be
// shown to anyone.
type Error struct {
	Kind    ErrorKind
	Field   string // the value that cannot be; "" unless Kind is Invalid
	Message string
}

func (e *Error) Error() string { return e.Message }

func notFound(what string) error { return &Error{Kind: NotFound, Message: what + " not found"} }
func conflict(why string) error  { return &Error{Kind: Conflict, Message: why} }
func invalid(field, why string) error {
	return &Error{Kind: Invalid, Field: field, Message: why}
}

// newID makes an ID that nobody can guess, such as pay_….
func newID(prefix string) string { return prefix + "_" + strings.ToLower(rand.Text()) }

func jsonText(v any) (string, error) {
	text, err := json.Marshal(v)
	return string(text), err
}

func scanJSON[T any](src any, dst *T) error {
	var text []byte
	switch v := src.(type) {
	case nil:
	case []byte:
		text = v
	case string:
		text = []byte(v)
	default:
		return fmt.Errorf("cannot read JSON from %T", src)
	}
	var fresh T
	if text != nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber() // what came as a number leaves as the same number
		if err := decoder.Decode(&fresh); err != nil {
			return err
		}
	}
	*dst = fresh
	return nil
}

// Permanent says whether err is the database's refusal of the data itself, so
// that trying again cannot help. A unique violation is not: the row that was
// first is found next time. A missing table or right is not either: a migration
// or an operator mends it.
func Permanent(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code == "23505" {
		return false
	}
	class := refused.Code[:2]
	return class == "22" || class == "23"
}

// Describe says what went wrong without quoting any data: Postgres repeats
// values in its messages, and those may be personal.
func Describe(err error) string {
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.TrimSpace("postgres: SQLSTATE " + refused.Code + " " + refused.ConstraintName)
	}
	return err.Error()
}

// orNotFound turns gorm's missing record into ours. An ID with characters that
// Postgres cannot hold is nobody's.
func orNotFound(err error, what string) error {
	const badCharacter = "22021"
	var refused *pgconn.PgError
	if errors.Is(err, gorm.ErrRecordNotFound) || errors.As(err, &refused) && refused.Code == badCharacter {
		return notFound(what)
	}
	return err
}

// NotMigrated says whether a table was asked for that is not there yet.
func NotMigrated(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "42P01"
}

// Unavailable says whether the database could not be reached, so that the same
// call may succeed later.
func Unavailable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refused.Code[:2] == "57" || refused.Code[:2] == "53" || refused.Code[:2] == "08" // shutting down, out of something, connection
	}
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF)
}

// stableID makes an ID that is a function of what it stands for, so that doing
// something twice names the same row.
func stableID(prefix, of string) string {
	sum := sha256.Sum256([]byte(of))
	return prefix + "_" + hex.EncodeToString(sum[:12])
}
