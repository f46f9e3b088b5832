package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"twigz/internal/pgtest"
	"twigz/models"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// nowhere is an address at which nobody listens.
const nowhere = "127.0.0.1:1"

// noDatabase is a database that is never there.
const noDatabase = "postgres://nobody:hunter2@" + nowhere + "/none?sslmode=disable&connect_timeout=2"

const (
	webhookSecret = "whsec_first"
	olderSecret   = "whsec_second"
	jwtSecret     = "a secret that is long enough to sign with"
	supportToken  = "support-token-of-sam"
)

// settingsOf is the environment of a program that lacks nothing, changed as the
// test wants it. "" takes a setting away.
func settingsOf(changes map[string]string) map[string]string {
	env := map[string]string{
		"API_ADDR":               "127.0.0.1:0",
		"METRICS_ADDR":           "127.0.0.1:0",
		"DATABASE_URL":           noDatabase,
		"TEMPORAL_ADDRESS":       nowhere,
		"TEMPORAL_CONFIG_FILE":   os.DevNull, // not the developer's own
		"STRIPE_SECRET_KEY":      "sk_test_key",
		"STRIPE_PUBLISHABLE_KEY": "pk_test_key",
		"STRIPE_WEBHOOK_SECRET":  webhookSecret + "," + olderSecret,
		"AUTH_JWT_SECRET":        jwtSecret,
		"SUPPORT_TOKENS":         "sam:" + supportToken + ",kim:another-token",
		"LOG_LEVEL":              "debug",
	}
	maps.Copy(env, changes)
	return env
}

// program is the API as run starts it, behind its real listeners.
type program struct {
	t          *testing.T
	url        string
	metricsURL string // "": off
	logs       *logs
	cancel     context.CancelFunc
	ended      chan error
	client     *http.Client
	held       bool // stopped by the test itself
}

// start starts the program and waits until it listens.
func start(t *testing.T, changes map[string]string) *program {
	t.Helper()
	env := settingsOf(changes)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p := &program{
		t: t, logs: &logs{}, cancel: cancel, ended: make(chan error, 1),
		client: &http.Client{Transport: &http.Transport{}, Timeout: 30 * time.Second},
	}
	go func() { p.ended <- run(ctx, func(name string) string { return env[name] }, p.logs) }()
	t.Cleanup(func() {
		if !p.held {
			assert.NoError(t, p.stop())
		}
	})
	p.url = "http://" + p.listening("API_ADDR")
	if env["METRICS_ADDR"] != "" {
		p.metricsURL = "http://" + p.listening("METRICS_ADDR") + "/metrics"
	}
	return p
}

// listening waits for the address that a setting led to.
func (p *program) listening(setting string) string {
	p.t.Helper()
	var addr string
	require.Eventually(p.t, func() bool {
		select {
		case err := <-p.ended:
			p.held = true
			p.t.Errorf("the program ended: %v\n%s", err, p.logs)
			return true
		default:
		}
		for _, line := range p.logs.lines(p.t) {
			if line["msg"] == "listening" && line["setting"] == setting {
				addr, _ = line["addr"].(string)
			}
		}
		return addr != ""
	}, 20*time.Second, 5*time.Millisecond)
	require.NotEmpty(p.t, addr)
	return addr
}

// stop tells the program to stop and waits until it has.
func (p *program) stop() error {
	p.held = true
	p.cancel()
	p.client.CloseIdleConnections()
	return <-p.ended
}

// whole is the program with a Temporal and a database, and doors to both.
type whole struct {
	*program
	temporal *frontend
	db       *models.DB
}

func startWhole(t *testing.T, changes map[string]string) whole {
	t.Helper()
	w := whole{temporal: newFrontend(t)}
	url := pgtest.NewURL(t)
	env := map[string]string{"TEMPORAL_ADDRESS": w.temporal.addr, "DATABASE_URL": url}
	maps.Copy(env, changes)
	w.program = start(t, env)
	w.db = openDB(t, url)
	return w
}

// startIngest is the program with a Temporal and no database at all: what
// works here asks no database.
func startIngest(t *testing.T, changes map[string]string) whole {
	t.Helper()
	w := whole{temporal: newFrontend(t)}
	env := map[string]string{"TEMPORAL_ADDRESS": w.temporal.addr}
	maps.Copy(env, changes)
	w.program = start(t, env)
	return w
}

func openDB(t *testing.T, url string) *models.DB {
	t.Helper()
	db, err := models.Open(url, 4)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	return db
}

// answer is what came back.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

// call sends a request; headers alternate between name and value.
func (p *program) call(method, path, body string, headers ...string) answer {
	p.t.Helper()
	return p.send(method, path, strings.NewReader(body), headers...)
}

func (p *program) send(method, path string, body io.Reader, headers ...string) answer {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, body)
	require.NoError(p.t, err)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := p.client.Do(request)
	require.NoError(p.t, err)
	return read(p.t, response)
}

// read takes the answer in. Whatever it is, it names its request.
func read(t testing.TB, response *http.Response) answer {
	t.Helper()
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.NotEmpty(t, response.Header.Get("X-Request-Id"), "every answer carries X-Request-Id")
	return answer{t: t, status: response.StatusCode, header: response.Header, body: string(text)}
}

// is checks status and the whole of a JSON body.
func (a answer) is(status int, body string) {
	a.t.Helper()
	assert.Equal(a.t, status, a.status, a.body)
	assert.JSONEq(a.t, body, a.body)
	assert.Equal(a.t, "application/json; charset=utf-8", a.header.Get("Content-Type"))
}

// object is the JSON object that came.
func (a answer) object() map[string]any {
	a.t.Helper()
	var object map[string]any
	require.NoError(a.t, json.Unmarshal([]byte(a.body), &object), a.body)
	return object
}

// logs collects what the program writes, a JSON object a line.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logs) lines(t testing.TB) []map[string]any {
	t.Helper()
	var lines []map[string]any
	for text := range strings.Lines(l.String()) {
		var line map[string]any
		if !assert.NoError(t, json.Unmarshal([]byte(text), &line), "a log line is one JSON object: %s", text) {
			return lines
		}
		lines = append(lines, line)
	}
	return lines
}

// about is the lines that name an event.
func (l *logs) about(t testing.TB, eventID string) []map[string]any {
	t.Helper()
	var found []map[string]any
	for _, line := range l.lines(t) {
		if line["event_id"] == eventID {
			found = append(found, line)
		}
	}
	return found
}

// passage is a TCP connection's way to a server that a test may close.
type passage struct {
	t    *testing.T
	addr string
	to   string

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
}

func newPassage(t *testing.T, to string) *passage {
	t.Helper()
	p := &passage{t: t, addr: "127.0.0.1:0", to: to}
	p.up()
	t.Cleanup(p.down)
	return p
}

func (p *passage) up() {
	p.t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(p.t.Context(), "tcp", p.addr)
	require.NoError(p.t, err)
	p.mu.Lock()
	p.listener, p.addr = listener, listener.Addr().String()
	p.mu.Unlock()
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go p.carry(in)
		}
	}()
}

func (p *passage) carry(in net.Conn) {
	out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		_ = in.Close()
		return
	}
	p.mu.Lock()
	p.open = append(p.open, in, out)
	p.mu.Unlock()
	go func() { _, _ = io.Copy(out, in); _ = out.Close() }()
	_, _ = io.Copy(in, out)
	_ = in.Close()
}

// down cuts every connection and takes no new ones.
func (p *passage) down() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for _, conn := range p.open {
		_ = conn.Close()
	}
	p.open = nil
}
