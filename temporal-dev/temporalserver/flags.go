package temporalserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	enumspb "go.temporal.io/api/enums/v1"
)

// Main runs `server start-dev …` (args as typed, both words included) until ctx is done, then stops gracefully. One line
// for the server and one for the Web UI go to stdout once both can be used; the log goes to stderr.
//
// The flags are a part of those of the Temporal CLI's command of that name, so that what starts a CLI, like the Go SDK's
// testsuite.StartDevServer with ExistingPath, can start this instead.
func Main(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) < 2 || args[0] != "server" || args[1] != "start-dev" {
		return errors.New(`only "server start-dev" is known`)
	}
	opts, err := parseFlags(args[2:], stderr)
	if errors.Is(err, pflag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	server, err := Start(ctx, opts)
	if errors.Is(err, context.Canceled) {
		return nil // asked to stop before it was up
	}
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "Temporal server: %s\n", server.HostPort)
	if server.UIURL != "" {
		_, _ = fmt.Fprintf(stdout, "Temporal Web UI: %s\n", server.UIURL)
	}
	<-ctx.Done()
	return server.Stop()
}

// parseFlags also prints the usage to stderr when asked for help, and then returns pflag.ErrHelp.
func parseFlags(args []string, stderr io.Writer) (Options, error) {
	opts := Options{Log: stderr}
	var attributes, settings []string

	flags := pflag.NewFlagSet("server start-dev", pflag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.SortFlags = false
	flags.StringVar(&opts.IP, "ip", loopback, "IP `address` of the frontend")
	flags.IntVarP(&opts.Port, "port", "p", 7233, "port of the frontend; 0 takes a free one")
	flags.IntVar(&opts.HTTPPort, "http-port", 0, "port of the frontend's HTTP API (default: a free one)")
	flags.StringVar(&opts.UIIP, "ui-ip", "", "IP `address` of the Web UI (default: that of --ip)")
	flags.IntVar(&opts.UIPort, "ui-port", 0, "port of the Web UI (default: --port + 1000)")
	flags.BoolVar(&opts.Headless, "headless", false, "leave out the Web UI")
	flags.StringArrayVarP(&opts.Namespaces, "namespace", "n", []string{"default"}, "`name` of a namespace to have; repeatable")
	flags.StringVarP(&opts.DatabaseFile, "db-filename", "f", "", "SQLite `file` to keep (default: in memory, gone at the end)")
	flags.StringArrayVar(&attributes, "search-attribute", nil, "search attribute to have, as `Name=Type`; repeatable")
	flags.StringArrayVar(&settings, "dynamic-config-value", nil, "dynamic config, as `key=JSON`, over our own; repeatable")
	flags.StringVar(&opts.LogLevel, "log-level", "warn", strings.Join(logLevels, ", "))
	flags.StringVar(&opts.LogFormat, "log-format", "pretty", strings.Join(logFormats, ", "))

	err := flags.Parse(args)
	if err != nil {
		return Options{}, err
	}
	if flags.NArg() > 0 {
		return Options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if opts.SearchAttributes, err = parseSearchAttributes(attributes); err != nil {
		return Options{}, err
	}
	if opts.DynamicConfig, err = parseDynamicConfig(settings); err != nil {
		return Options{}, err
	}
	return opts, checkLogging(opts)
}

func parseSearchAttributes(pairs []string) (map[string]enumspb.IndexedValueType, error) {
	attributes := make(map[string]enumspb.IndexedValueType, len(pairs))
	for _, pair := range pairs {
		name, kind, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--search-attribute %q: want Name=Type", pair)
		}
		value, err := enumspb.IndexedValueTypeFromString(kind)
		if err != nil || value == enumspb.INDEXED_VALUE_TYPE_UNSPECIFIED {
			return nil, fmt.Errorf("--search-attribute %q: no such type %q", pair, kind)
		}
		attributes[name] = value
	}
	return attributes, nil
}

func parseDynamicConfig(pairs []string) (map[string]json.RawMessage, error) {
	settings := make(map[string]json.RawMessage, len(pairs))
	for _, pair := range pairs {
		key, value, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("--dynamic-config-value %q: want key=JSON", pair)
		}
		if !json.Valid([]byte(value)) {
			return nil, fmt.Errorf("--dynamic-config-value %q: the value is not JSON (text needs quotes)", pair)
		}
		settings[key] = json.RawMessage(value)
	}
	return settings, nil
}

func checkLogging(opts Options) error {
	if !slices.Contains(logLevels, opts.LogLevel) {
		return fmt.Errorf("--log-level %q: want one of %s", opts.LogLevel, strings.Join(logLevels, ", "))
	}
	if !slices.Contains(logFormats, opts.LogFormat) {
		return fmt.Errorf("--log-format %q: want one of %s", opts.LogFormat, strings.Join(logFormats, ", "))
	}
	return nil
}
