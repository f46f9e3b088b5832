// Package e2e_test runs the real programs on real parts: the API and the worker
// as they ship, a real Temporal server, a real Postgres, a real SMTP server.
//
// The programs and the Temporal server are built once, unless TWIGZ_API,
// TWIGZ_WORKER and TWIGZ_TEMPORAL_DEV name their files. Each test has a world of
// its own: a database, a task queue, an inbox, an API and a worker; they share
// the Temporal server, as shops share a cluster. One test walks through it all in
// a browser, Debian's chromium, and leaves pictures in the folder screenshots.
//
//	RECORD_HISTORIES=dir go test ./e2e/   also saves histories for replay tests
package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"

	"twigz/internal/pgtest"
	"twigz/workflows"
)

// built are the programs' files, and the Temporal server that all tests share.
var built struct {
	api, worker string
	temporal    *testsuite.DevServer
	temporalUI  string // base URL of its Web UI
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "twigz-e2e-")
	if err == nil {
		err = setUp(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	pgtest.Main(tearDown{m, dir})
}

// tearDown runs the tests, and stops what setUp started before pgtest exits.
type tearDown struct {
	m   *testing.M
	dir string
}

func (t tearDown) Run() int {
	code := t.m.Run()
	if err := built.temporal.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: temporal server:", err)
		code = max(code, 1)
	}
	if err := os.RemoveAll(t.dir); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
	}
	return code
}

func setUp(dir string) error {
	var server string
	for _, program := range []struct {
		file                    *string
		given, module, pkg, out string
	}{
		{&built.api, "TWIGZ_API", "../..", "./cmd/api", "api"},
		{&built.worker, "TWIGZ_WORKER", "../..", "./cmd/worker", "worker"},
		{&server, "TWIGZ_TEMPORAL_DEV", "..", ".", "temporal-dev"},
	} {
		if *program.file = os.Getenv(program.given); *program.file != "" {
			continue
		}
		*program.file = filepath.Join(dir, program.out)
		command := exec.Command("go", "build", "-o", *program.file, program.pkg)
		command.Dir = program.module
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", program.pkg, err, output)
		}
	}
	args := []string{}
	for name, kind := range workflows.SearchAttributes() {
		args = append(args, "--search-attribute", name+"="+kind)
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	built.temporalUI = "http://127.0.0.1:" + port
	built.temporal, err = testsuite.StartDevServer(context.Background(), testsuite.DevServerOptions{
		ExistingPath:  server,
		ClientOptions: &client.Options{Logger: log.NewStructuredLogger(quiet)},
		LogLevel:      "error",
		EnableUI:      true,
		UIPort:        port,
		ExtraArgs:     args,
	})
	if err != nil {
		return fmt.Errorf("start temporal: %w", err)
	}
	return nil
}

// freePort is one that nobody listens on now.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}
