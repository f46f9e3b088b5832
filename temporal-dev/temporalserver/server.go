// Package temporalserver runs a real Temporal server and its real Web UI in this process, for development and tests: all
// services (frontend, history, matching, worker), one history shard, SQLite in memory or in a file.
//
// The frontend has a fixed port; the services talk to each other over loopback ports that the kernel chose, found by a
// static list instead of gossip. There is no authentication: whoever reaches the frontend or the Web UI may do anything,
// so both stay on loopback unless told otherwise. Nothing here knows what the workflows are about; namespaces and search
// attributes come from the caller.
//
// On two cores both can be used 0.6 to 0.7 s after the process begins, 1 to 2 s while something else compiles. Idle, it takes
// 0.1 % of a core and 170 MB.
package temporalserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/server/common/testing/freeport"
	"go.temporal.io/server/temporal"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

const (
	loopback = "127.0.0.1"

	// uiPortOffset is where people look for the Web UI: 7233 and 8233.
	uiPortOffset = 1000

	// readyTimeout is generous, for machines that compile at the same time.
	readyTimeout = 30 * time.Second

	// stopTimeout bounds the graceful stop. Being cut off then costs nothing: every commit is in the file already.
	stopTimeout = 5 * time.Second
)

// Options says what to run. The zero value is a server in memory on a free port, with its Web UI on another, no namespace,
// and no log.
type Options struct {
	IP       string // of the frontend; "" is 127.0.0.1
	Port     int    // of the frontend; 0 takes a free one
	HTTPPort int    // of the frontend's HTTP API; 0 takes a free one

	UIIP     string // "" is IP
	UIPort   int    // 0 is Port + 1000, or a free one where that is no port
	Headless bool   // true leaves out the Web UI

	Namespaces       []string                            // created when they do not exist; none when nil
	SearchAttributes map[string]enumspb.IndexedValueType // added to each of Namespaces; none when nil
	DatabaseFile     string                              // "" keeps everything in memory
	DynamicConfig    map[string]json.RawMessage          // wins over our own values; nil changes none

	Log       io.Writer // nil drops the log
	LogLevel  string    // one of logLevels; "" is warn
	LogFormat string    // one of logFormats; "" is pretty
}

// Server is a running server.
type Server struct {
	HostPort string // where clients reach the frontend
	UIURL    string // "" without the Web UI

	temporal temporal.Server
	ui       *uiserver.Server // nil without the Web UI
	logLevel zap.AtomicLevel
}

// Start returns once clients are answered, or with a one-line error that names what is wrong, such as a port that is taken.
// When ctx is done before that, the error is ctx's.
func Start(ctx context.Context, opts Options) (*Server, error) {
	opts = opts.withDefaults()
	if err := opts.check(ctx); err != nil {
		return nil, err
	}
	dynamicConfig, err := newDynamicConfig(opts.DynamicConfig)
	if err != nil {
		return nil, err
	}
	database, err := openDatabase(ctx, opts)
	if err != nil {
		return nil, err
	}
	logger, level := newLogger(opts)
	s := &Server{HostPort: address(dialable(opts.IP), opts.Port), logLevel: level}
	if s.temporal, err = newTemporal(opts, database, dynamicConfig, logger); err != nil {
		return nil, err
	}
	if !opts.Headless {
		s.ui = newUI(opts.UIIP, opts.UIPort, s.HostPort)
		s.UIURL = "http://" + address(dialable(opts.UIIP), opts.UIPort)
		go s.ui.Start() //nolint:errcheck // it never returns one: it ends the process when it cannot listen
	}
	if err := s.temporal.Start(); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	if err := s.waitReady(ctx, opts); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop ends the Web UI, then the server's services in the order that lets each finish, within stopTimeout.
func (s *Server) Stop() error {
	// The services complain about each other's leaving, the more the shorter they have been up.
	s.logLevel.SetLevel(zapcore.FatalLevel)
	if s.ui != nil {
		s.ui.Stop()
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.temporal.Stop() }()
	select {
	case err := <-stopped:
		return err
	case <-time.After(stopTimeout):
		return fmt.Errorf("temporal server: still stopping after %s", stopTimeout)
	}
}

// waitReady returns when the frontend serves, knows its namespaces, and the Web UI listens.
func (s *Server) waitReady(ctx context.Context, opts Options) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		err := s.ping(ctx, opts)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the temporal server: %w: %w", ctx.Err(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Server) ping(ctx context.Context, opts Options) error {
	if s.ui != nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address(dialable(opts.UIIP), opts.UIPort))
		if err != nil {
			return err
		}
		_ = conn.Close()
	}
	c, err := client.DialContext(ctx, client.Options{HostPort: s.HostPort, Logger: sdklog.NewStructuredLogger(discard)})
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.CheckHealth(ctx, nil)
	return err
}

func (opts Options) withDefaults() Options {
	opts.IP = numeric(opts.IP, loopback)
	opts.UIIP = numeric(opts.UIIP, opts.IP)
	if opts.UIPort == 0 && opts.Port != 0 && opts.Port+uiPortOffset <= 65535 {
		opts.UIPort = opts.Port + uiPortOffset
	}
	for _, port := range []*int{&opts.Port, &opts.UIPort, &opts.HTTPPort} {
		if *port == 0 {
			*port = freeport.MustGetFreePort()
		}
	}
	return opts
}

// check finds out before anything is started what the server would find out later, in several lines of JSON.
func (opts Options) check(ctx context.Context) error {
	if err := canListen(ctx, opts.IP, opts.Port); err != nil {
		return fmt.Errorf("temporal frontend: %w (choose another with --port)", err)
	}
	if err := canListen(ctx, opts.IP, opts.HTTPPort); err != nil {
		return fmt.Errorf("temporal frontend, HTTP: %w (choose another with --http-port)", err)
	}
	if opts.Headless {
		return nil
	}
	if err := canListen(ctx, opts.UIIP, opts.UIPort); err != nil {
		return fmt.Errorf("temporal web UI: %w (choose another with --ui-port)", err)
	}
	return nil
}

func canListen(ctx context.Context, ip string, port int) error {
	if net.ParseIP(ip) == nil {
		return fmt.Errorf("%q is not an IP address", ip)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address(ip, port))
	if err != nil {
		return err
	}
	return listener.Close()
}

// numeric returns ip, or instead when ip is "". The server binds to addresses only, so the one name that everybody types is
// turned into one.
func numeric(ip, instead string) string {
	switch ip {
	case "":
		return instead
	case "localhost":
		return loopback
	default:
		return ip
	}
}

// dialable is the address at which this machine reaches a listener on ip, which may be the unspecified one (0.0.0.0).
func dialable(ip string) string {
	if net.ParseIP(ip).IsUnspecified() {
		return loopback
	}
	return ip
}

func address(ip string, port int) string {
	return net.JoinHostPort(ip, strconv.Itoa(port))
}
