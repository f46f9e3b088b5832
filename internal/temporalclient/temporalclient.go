// Package temporalclient connects to Temporal as Temporal's own tools do: by
// TEMPORAL_* variables and TOML profiles (contrib/envconfig), so that a dev
// server, a self-hosted cluster and Temporal Cloud need no code of ours.
package temporalclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/log"

	"twigz/internal/settings"
)

// Config is how to reach Temporal.
type Config struct {
	Options   client.Options
	TaskQueue string // of workflows and of the activities on rows and mails
	UIURL     string // of the Web UI, for links; without a trailing slash
}

// ReadConfig reads it from the settings, noting faults there.
func ReadConfig(r *settings.Reader, getenv func(string) string) Config {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{EnvLookup: environment(getenv)})
	if err != nil {
		r.Fault("TEMPORAL_*", "cannot be used: "+err.Error())
	}
	if !dialable(options.HostPort) {
		r.Fault("TEMPORAL_ADDRESS", "must be host:port, such as 127.0.0.1:7233")
	}
	if options.Namespace == "" {
		options.Namespace = client.DefaultNamespace
	}
	return Config{
		Options:   options,
		TaskQueue: r.Text("TEMPORAL_TASK_QUEUE", "fulfillment"),
		UIURL:     r.URL("TEMPORAL_UI_URL", "http://127.0.0.1:8233", "http", "https"),
	}
}

// dialable says whether gRPC would dial what was meant: it takes http:// for a
// part of a name and a missing port for 443, and then waits for ever. Names that
// it resolves in another way (dns:///, unix:) are its own to judge.
func dialable(address string) bool {
	if address == "" || strings.Contains(address, ":///") || strings.HasPrefix(address, "unix:") {
		return true
	}
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// environment lets envconfig read through the program's own getenv.
type environment func(string) string

func (e environment) Environ() []string { return os.Environ() }
func (e environment) LookupEnv(name string) (string, bool) {
	value := e(name)
	return value, value != ""
}

// New makes a client that connects when it is first used: a process may start
// before its Temporal cluster.
func (c Config) New(logger *slog.Logger) (client.Client, error) {
	c.Options.Logger = log.NewStructuredLogger(logger)
	// An event is less than two kilobytes. Packing and unpacking every call, the
	// SDK's default, took a thirtieth of all the CPU time of an order.
	c.Options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	connection, err := client.NewLazyClient(c.Options)
	if err != nil {
		return nil, fmt.Errorf("temporal client: %w", err)
	}
	return connection, nil
}

// WorkflowURL is where the Web UI shows a workflow.
func (c Config) WorkflowURL(workflowID string) string {
	return c.UIURL + "/namespaces/" + c.Options.Namespace + "/workflows/" + workflowID
}

// MissingAttributesError names search attributes that the namespace lacks:
// every workflow start would fail.
type MissingAttributesError struct {
	Namespace string
	Names     []string          // sorted
	Types     map[string]string // by name
}

// Error says what to run.
func (e *MissingAttributesError) Error() string {
	var commands strings.Builder
	for _, name := range e.Names {
		fmt.Fprintf(&commands, "\n  temporal operator search-attribute create --namespace %s --name %s --type %s",
			e.Namespace, name, e.Types[name])
	}
	return "Temporal's namespace lacks search attributes, make them with:" + commands.String()
}

// CheckAttributes asks Temporal whether a namespace has the search attributes,
// given with their types. It asks the way a search does, which works with every
// cluster and needs no operator's rights.
func CheckAttributes(ctx context.Context, c client.Client, namespace string, types map[string]string) error {
	var missing []string
	for name, kind := range types {
		value := `""`
		if kind == "Bool" {
			value = "true"
		}
		_, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: namespace, Query: name + " = " + value,
		})
		var refused *serviceerror.InvalidArgument
		switch {
		case errors.As(err, &refused):
			missing = append(missing, name)
		case err != nil:
			return fmt.Errorf("ask Temporal: %w", err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	slices.Sort(missing)
	return &MissingAttributesError{Namespace: namespace, Names: missing, Types: types}
}
