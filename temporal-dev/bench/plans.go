package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"twigz/models"
)

// printPlans makes a search of each kind and prints how Postgres went about it: what auto_explain writes into its log,
// which is the plan of the very statement that models made.
func (r *rig) printPlans(ctx context.Context, in searched) error {
	const explained = "&session_preload_libraries=auto_explain&auto_explain.log_min_duration=0&auto_explain.log_analyze=on" +
		"&auto_explain.log_buffers=on&log_error_verbosity=terse"
	db, err := models.Open(in.url+explained, 1)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // nothing was written
	for _, s := range searches {
		for _, page := range s.pages() {
			q := s.query(in.n)
			if q.After, err = in.turnTo(ctx, s, page); err != nil {
				return err
			}
			plan, err := r.logged(func() error {
				_, _, err := db.SearchPayments(ctx, q)
				return err
			})
			if err != nil {
				return fmt.Errorf("plan of the search for %s: %w", s.name, err)
			}
			r.say("\n%s, page %d\n%s", s.name, page, plan)
		}
	}
	return nil
}

// logged is what Postgres writes into its log while something is done.
func (r *rig) logged(do func() error) (string, error) {
	path := filepath.Join(r.dir, "postgres", "postgres.log")
	before, err := os.ReadFile(path) //nolint:gosec // in a directory of our own
	if err != nil {
		return "", err
	}
	if err := do(); err != nil {
		return "", err
	}
	time.Sleep(settle)              // it answers first
	after, err := os.ReadFile(path) //nolint:gosec // the same
	return string(after[min(len(before), len(after)):]), err
}
