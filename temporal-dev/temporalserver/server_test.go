package temporalserver_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
)

// binary is the real program, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "temporal-dev")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		binary = filepath.Join(dir, "temporal-dev")
		build := exec.Command("go", "build", "-o", binary, "twigz/temporal-dev")
		if out, err := build.CombinedOutput(); err != nil {
			panic(fmt.Sprintf("%v: %s", err, out))
		}
		return m.Run()
	}())
}

var quiet = sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))

var storeID = temporal.NewSearchAttributeKeyKeyword("StoreID")

func TestTheSDKCanStartIt(t *testing.T) {
	t.Parallel()
	server, err := testsuite.StartDevServer(t.Context(), testsuite.DevServerOptions{
		ExistingPath:     binary,
		Stdout:           io.Discard,
		ClientOptions:    &client.Options{Namespace: "shop", Logger: quiet},
		DBFilename:       filepath.Join(t.TempDir(), "temporal.db"),
		EnableUI:         true,
		UIPort:           freePort(t),
		LogFormat:        "json",
		SearchAttributes: temporal.NewSearchAttributes(storeID.ValueSet("")),
		ExtraArgs:        []string{"--dynamic-config-value", "limit.blobSize.error=3000000"},
	})
	require.NoError(t, err)

	t.Run("and run a workflow that is found by its search attribute", func(t *testing.T) {
		w := worker.New(server.Client(), "steps", worker.Options{})
		w.RegisterWorkflow(threeActivities)
		w.RegisterActivity(nothing)
		require.NoError(t, w.Start())
		defer w.Stop()
		run := startWorkflow(t, server.Client(), "paid")
		require.NoError(t, run.Get(t.Context(), nil))
		requireListed(t, server.Client(), `StoreID = "store_1" AND ExecutionStatus = "Completed"`, "paid")
	})
	t.Run("and see its dynamic config and thirty days' retention", func(t *testing.T) {
		namespace := describeNamespace(t, server.Client(), "shop")
		require.EqualValues(t, 3_000_000, namespace.NamespaceInfo.Limits.BlobSizeLimitError)
		require.Equal(t, 30*24*time.Hour, namespace.Config.WorkflowExecutionRetentionTtl.AsDuration())
	})
	require.NoError(t, server.Stop(), "an interrupt ends it with exit code 0")
}

func TestAFileOutlivesAKilledServer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "temporal.db")

	first := launch(t, "--headless", "--db-filename", file, "--search-attribute", "StoreID=Keyword")
	startWorkflow(t, first.dial(t), "evt_1")
	first.kill(t)

	second := launch(t, "--headless", "--db-filename", file, "--namespace", "default", "--namespace", "other",
		"--search-attribute", "StoreID=Keyword", "--search-attribute", "Livemode=Bool")
	c := second.dial(t)
	t.Run("with its workflows", func(t *testing.T) {
		_, err := c.DescribeWorkflowExecution(t.Context(), "evt_1", "")
		require.NoError(t, err)
		requireListed(t, c, `StoreID = "store_1"`, "evt_1")
	})
	t.Run("and takes new search attributes from the first request on", func(t *testing.T) {
		livemode := temporal.NewSearchAttributeKeyBool("Livemode")
		_, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: "evt_2", TaskQueue: "steps", TypedSearchAttributes: temporal.NewSearchAttributes(livemode.ValueSet(true)),
		}, threeActivities)
		require.NoError(t, err)
		requireListed(t, c, `Livemode = true`, "evt_2")
	})
	t.Run("and new namespaces", func(t *testing.T) {
		aliases := describeNamespace(t, c, "other").Config.CustomSearchAttributeAliases
		require.Equal(t, map[string]string{"Keyword01": "StoreID", "Bool01": "Livemode"}, aliases)
	})
	t.Run("but no attribute of another type", func(t *testing.T) {
		second.interrupt(t)
		stderr := refuse(t, "--db-filename", file, "--search-attribute", "StoreID=Int")
		require.Equal(t, "temporal-dev: namespace default: search attribute StoreID: is a Keyword already, cannot become a Int\n", stderr)
	})
}

func TestTheWebUI(t *testing.T) {
	t.Parallel()
	server := launch(t, "--search-attribute", "StoreID=Keyword")
	startWorkflow(t, server.dial(t), "evt_1")

	t.Run("serves a page that loads nothing from elsewhere", func(t *testing.T) {
		page := get(t, server.uiURL+"/namespaces/default/workflows")
		require.Contains(t, page, "/_app/immutable/entry/start")
		require.NotRegexp(t, `(src|href)="(https?:)?//`, page)
	})
	t.Run("looks for no news and no releases", func(t *testing.T) {
		settings := get(t, server.uiURL+"/api/v1/settings")
		require.Contains(t, settings, `"DisableNewsFetch":true`)
		require.Contains(t, settings, `"NotifyOnNewVersion":false`)
	})
	t.Run("lists workflows", func(t *testing.T) {
		require.Eventually(t, func() bool {
			return strings.Contains(get(t, server.uiURL+"/api/v1/namespaces/default/workflows"), `"workflowId": "evt_1"`)
		}, 5*time.Second, 20*time.Millisecond)
	})
}

func TestATakenPortIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	_, port, err := net.SplitHostPort(taken.Addr().String())
	require.NoError(t, err)

	for what, flag := range map[string]string{"frontend": "--port", "web UI": "--ui-port"} {
		t.Run(what, func(t *testing.T) {
			started := time.Now()
			stderr := refuse(t, flag, port)
			require.Equal(t, fmt.Sprintf("temporal-dev: temporal %s: listen tcp 127.0.0.1:%s: "+
				"bind: address already in use (choose another with %s)\n", what, port, flag), stderr)
			require.Less(t, time.Since(started), 3*time.Second)
		})
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	t.Run("the first ends it gracefully, without a word", func(t *testing.T) {
		t.Parallel()
		server := launch(t)
		require.NoError(t, server.cmd.Process.Signal(syscall.SIGTERM))
		require.NoError(t, server.cmd.Wait())
		require.Empty(t, server.stderr.String())
	})
	t.Run("the second ends it at once", func(t *testing.T) {
		t.Parallel()
		server := launch(t)
		require.NoError(t, server.cmd.Process.Signal(os.Interrupt))
		time.Sleep(200 * time.Millisecond)
		require.NoError(t, server.cmd.Process.Signal(os.Interrupt))
		require.ErrorContains(t, server.cmd.Wait(), "signal: interrupt")
	})
}

// process is the real program, running.
type process struct {
	cmd      *exec.Cmd
	hostPort string
	uiURL    string // "" when headless
	stderr   *bytes.Buffer
}

// launch returns once the program says that it is ready; it is stopped with the test.
func launch(tb testing.TB, flags ...string) *process {
	tb.Helper()
	p := &process{stderr: new(bytes.Buffer)}
	p.cmd = exec.Command(binary, append([]string{"server", "start-dev", "--port", "0"}, flags...)...)
	p.cmd.Stderr = p.stderr
	stdout, err := p.cmd.StdoutPipe()
	require.NoError(tb, err)
	require.NoError(tb, p.cmd.Start())
	tb.Cleanup(func() { _, _ = p.cmd.Process.Signal(os.Interrupt), p.cmd.Wait() })

	lines := bufio.NewScanner(stdout)
	require.True(tb, lines.Scan(), "it ended before it was ready")
	p.hostPort = strings.TrimPrefix(lines.Text(), "Temporal server: ")
	if !strings.Contains(strings.Join(flags, " "), "--headless") {
		require.True(tb, lines.Scan())
		p.uiURL = strings.TrimPrefix(lines.Text(), "Temporal Web UI: ")
	}
	return p
}

// refuse runs the program on free ports, with flags over them, and returns what it says about why it will not.
func refuse(t *testing.T, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := exec.CommandContext(ctx, binary, append([]string{"server", "start-dev", "--port", "0"}, flags...)...).Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	return string(exit.Stderr)
}

func (p *process) dial(tb testing.TB) client.Client {
	tb.Helper()
	c, err := client.Dial(client.Options{HostPort: p.hostPort, Logger: quiet})
	require.NoError(tb, err)
	tb.Cleanup(c.Close)
	return c
}

func (p *process) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Kill())
	require.ErrorContains(t, p.cmd.Wait(), "signal: killed")
}

func (p *process) interrupt(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(os.Interrupt))
	require.NoError(t, p.cmd.Wait())
}

func startWorkflow(t *testing.T, c client.Client, id string) client.WorkflowRun {
	t.Helper()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: id, TaskQueue: "steps", TypedSearchAttributes: temporal.NewSearchAttributes(storeID.ValueSet("store_1")),
	}, threeActivities)
	require.NoError(t, err)
	return run
}

// requireListed waits for the workflow: the list is written after the answer to whoever started it.
func requireListed(t *testing.T, c client.Client, query, id string) {
	t.Helper()
	require.Eventually(t, func() bool {
		list, err := c.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		require.NoError(t, err)
		return len(list.Executions) == 1 && list.Executions[0].Execution.WorkflowId == id
	}, 5*time.Second, 10*time.Millisecond)
}

func describeNamespace(t *testing.T, c client.Client, name string) *workflowservice.DescribeNamespaceResponse {
	t.Helper()
	namespace, err := c.WorkflowService().DescribeNamespace(
		t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: name})
	require.NoError(t, err)
	return namespace
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(body))
	return string(body)
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return port
}
