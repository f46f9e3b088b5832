// Package programs knows how the programs that ship, and the Temporal server, are run for a measurement or a trial: with which
// settings, and by which line of its log each says that it can be used.
package programs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"twigz/internal/settings"
	"twigz/internal/temporalclient"
	"twigz/temporal-dev/process"
	"twigz/workflows"
)

const (
	// ReadyTime is how long a program may take to be ready.
	ReadyTime = 90 * time.Second
	// Grace is how long it may take to stop before it is killed.
	Grace = 30 * time.Second
)

// MakeDir makes a directory for a run's state, under this one and not under that for temporary files, which may be in memory:
// Postgres waits for a real disk here, as it does where it matters. Others may pass through it: root runs Postgres as another
// user.
func MakeDir(pattern string) (string, error) {
	dir, err := os.MkdirTemp(".", pattern)
	if err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	return dir, os.Chmod(dir, 0o711) //nolint:gosec // see above
}

// TemporalArgs are those of the Temporal server: it has what our workflows are found by, and no Web UI. Port 0 is any. What
// more it is to be told follows.
func TemporalArgs(port int, more ...string) []string {
	args := []string{"server", "start-dev", "--headless", "--port", strconv.Itoa(port), "--log-level", "error"}
	for attribute, kind := range workflows.SearchAttributes() {
		args = append(args, "--search-attribute", attribute+"="+kind)
	}
	return append(args, more...)
}

// TemporalEnv are the settings of programs that are to use a Temporal server, and no other that somebody's profile names.
func TemporalEnv(address string) map[string]string {
	return map[string]string{"TEMPORAL_ADDRESS": address, "TEMPORAL_CONFIG_FILE": os.DevNull}
}

// Connect makes a client as the API makes its own.
func Connect(address string) (client.Client, error) {
	env := TemporalEnv(address)
	getenv := func(name string) string { return env[name] }
	return temporalclient.ReadConfig(settings.From(getenv), getenv).New(slog.New(slog.DiscardHandler))
}

// Environment is a whole environment of these settings and no others: nothing of the caller's changes what is run.
func Environment(env map[string]string) []string {
	lines := []string{}
	for name, value := range env {
		lines = append(lines, name+"="+value)
	}
	slices.Sort(lines)
	return lines
}

// AwaitTemporal returns the address of a Temporal server once it can be used.
func AwaitTemporal(ctx context.Context, p *process.Process) (string, error) {
	return await(ctx, p, func(line string) (string, bool) {
		return strings.CutPrefix(strings.TrimSpace(line), "Temporal server: ")
	})
}

// AwaitAPI returns the address on which an API listens.
func AwaitAPI(ctx context.Context, p *process.Process) (string, error) {
	return await(ctx, p, func(line string) (string, bool) {
		var entry struct{ Msg, Setting, Addr string }
		ok := json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" && entry.Setting == "API_ADDR"
		return entry.Addr, ok
	})
}

// AwaitWorker returns when a worker asks for work.
func AwaitWorker(ctx context.Context, p *process.Process) error {
	_, err := await(ctx, p, func(line string) (string, bool) { return "", strings.Contains(line, `"msg":"working"`) })
	return err
}

func await(ctx context.Context, p *process.Process, find func(string) (string, bool)) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, ReadyTime, fmt.Errorf("not within %s", ReadyTime))
	defer cancel()
	return p.Await(ctx, find)
}
