package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver called pgx

	"twigz/models/migrations"
)

// source makes copies of one migrated database.
type source struct {
	server   *url.URL // the server, by a database of it
	admin    *sql.DB  // connected to that database
	prefix   string   // of our databases' names: several processes may share a server
	strategy string   // how CREATE DATABASE is to copy
	made     atomic.Int64
	stop     func() error // the cluster is ours; nil: it is not, and databases are to be dropped
}

// newSource finds or starts a server, and makes the template.
func newSource(ctx context.Context) (*source, error) {
	s := &source{prefix: "test_" + strings.ToLower(rand.Text()[:10])}
	if err := s.connect(ctx); err != nil {
		return nil, errors.Join(err, s.close()) //nolint:contextcheck // it cleans up, whether or not ctx has ended
	}
	if err := s.makeTemplate(ctx); err != nil {
		return nil, errors.Join(err, s.close()) //nolint:contextcheck // it cleans up, whether or not ctx has ended
	}
	return s, nil
}

// connect opens the server that the environment names, or one of our own.
func (s *source) connect(ctx context.Context) error {
	at := os.Getenv("TEST_DATABASE_URL")
	if at == "" {
		c, err := startCluster(ctx)
		if err != nil {
			return err
		}
		s.stop = c.stop
		at = c.server.URL("postgres")
	}
	var err error
	if s.server, err = url.Parse(at); err != nil || s.server.Host == "" {
		return errors.New("TEST_DATABASE_URL is not of the form postgres://user:password@host:port/database")
	}
	if s.admin, err = sql.Open("pgx", at); err != nil {
		return fmt.Errorf("open %s: %w", s.server.Redacted(), err)
	}
	var modern bool
	const query = "SELECT current_setting('server_version_num')::int >= 150000"
	if err := s.admin.QueryRowContext(ctx, query).Scan(&modern); err != nil {
		return fmt.Errorf("connect to %s: %w", s.server.Redacted(), err)
	}
	if modern {
		// The default writes every page to the log and takes ten times as long. Older servers know only this way.
		s.strategy = " STRATEGY file_copy"
	}
	return nil
}

// makeTemplate makes the database that all others are copies of. Nobody may be connected to it while it is copied.
func (s *source) makeTemplate(ctx context.Context) error {
	if _, err := s.admin.ExecContext(ctx, "CREATE DATABASE "+s.template()+" TEMPLATE template0"); err != nil {
		return fmt.Errorf("create the template database: %w", err)
	}
	db, err := sql.Open("pgx", s.url(s.template()))
	if err != nil {
		return fmt.Errorf("open the template database: %w", err)
	}
	return errors.Join(migrations.Up(ctx, db), db.Close())
}

func (s *source) newDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("%s_%d", s.prefix, s.made.Add(1))
	statement := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s%s", name, s.template(), s.strategy)
	if _, err := s.admin.ExecContext(ctx, statement); err != nil {
		return "", fmt.Errorf("create database %s: %w", name, err)
	}
	return s.url(name), nil
}

func (s *source) template() string { return s.prefix + "_template" }

// url is the server's, for another database.
func (s *source) url(database string) string {
	u := *s.server
	u.Path = "/" + database
	return u.String()
}

// close leaves the machine as it was found.
func (s *source) close() error {
	var errs []error
	if s.stop == nil && s.admin != nil {
		errs = append(errs, s.drop())
	}
	if s.admin != nil {
		errs = append(errs, s.admin.Close())
	}
	if s.stop != nil {
		errs = append(errs, s.stop())
	}
	return errors.Join(errs...)
}

// drop removes our databases from a server that stays, whoever is still connected to them.
func (s *source) drop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	names := []string{s.template()}
	for i := int64(1); i <= s.made.Load(); i++ {
		names = append(names, fmt.Sprintf("%s_%d", s.prefix, i))
	}
	var errs []error
	for _, name := range names {
		if _, err := s.admin.ExecContext(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
			errs = append(errs, fmt.Errorf("drop database %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}
