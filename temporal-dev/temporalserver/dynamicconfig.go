package temporalserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/server/common/dynamicconfig"
)

// tuning is where our dynamic config differs from the server's defaults, which suit a cluster under load and make a single
// developer wait.
//
// Measured with `go test -bench . -benchtime 100x ./temporalserver` (10x for the timers): one request at a time, in memory,
// on two cores that were compiling something else as well, so the right column says more about those than about us.
//
//	                                       server's defaults    these
//	workflow of three empty activities     195 ms               44 to 67 ms
//	workflow of three 1 ms timers          3,035 ms             44 to 72 ms
//	start until listed                     41 ms                10 to 19 ms
//
// Of the first, the transfer queue's rate alone makes the whole difference; of the second, the time shift makes the most
// (to 0.7 s), and the timer queue's rate the rest.
var tuning = map[dynamicconfig.Key]any{
	// How often a second each queue of internal tasks may be read; the default 20 makes whatever waits for the next read
	// wait up to 50 ms. Transfer tasks hand each workflow and activity task to a task queue, timer tasks fire timers,
	// retries and timeouts, visibility tasks write the list of workflows.
	dynamicconfig.TransferProcessorMaxPollRPS.Key():   2000,
	dynamicconfig.TimerProcessorMaxPollRPS.Key():      2000,
	dynamicconfig.VisibilityProcessorMaxPollRPS.Key(): 2000,

	// How far ahead of the clock the timer queue counts as read already: a timer that is due within it fires at its end, so
	// with the default second every short timer and every first retry comes up to a second late. It covers differing clocks
	// of several hosts, and here is one. Not 0, because it is also the pause after a failed read.
	dynamicconfig.TimerProcessorMaxTimeShift.Key(): 5 * time.Millisecond,

	// One partition a task queue instead of four: with few pollers a task often lands where none waits and has to be
	// forwarded. With one worker and its default pollers we could measure no difference.
	dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
	dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,

	// Lists and counts a second; the default 10 turns away tests that wait for a list to show something.
	dynamicconfig.FrontendMaxNamespaceVisibilityRPSPerInstance.Key(): 1000,

	// Workflows kept in memory; the default 128,000 is for hosts that do nothing else.
	dynamicconfig.HistoryCacheHostLevelMaxSize.Key(): 8192,

	// No asking the outside network for newer versions.
	dynamicconfig.EnableServerVersionCheck.Key(): false,
}

// newDynamicConfig puts the caller's values over our own. A key the server does not know, or a value of the wrong type, is
// an error: the server would pass over it in silence.
func newDynamicConfig(overrides map[string]json.RawMessage) (dynamicconfig.Client, error) {
	client := make(dynamicconfig.StaticClient, len(tuning)+len(overrides))
	for key, value := range tuning {
		// A slice, because the server caches conversions by the address of what it is given.
		client[key] = []dynamicconfig.ConstrainedValue{{Value: value}}
	}
	for key, value := range overrides {
		// The server reads YAML, of which JSON is a part; going through its own loader gives numbers the types it expects.
		var loader dynamicconfig.YamlLoader
		loader.LoadValue(dynamicconfig.MakeKey(key), fmt.Appendf(nil, `[{"value": %s}]`, value))
		if err := errors.Join(append(loader.Errors, loader.Warnings...)...); err != nil {
			return nil, fmt.Errorf("dynamic config %s: %w", key, err)
		}
		for k, v := range loader.Map {
			client[k] = v
		}
	}
	return client, nil
}
