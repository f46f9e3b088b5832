package temporalserver_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// BenchmarkThreeActivities measures one workflow at a time, from the start request to the result, on our dynamic config and
// on the server's defaults.
func BenchmarkThreeActivities(b *testing.B) {
	b.Run("tuned", func(b *testing.B) { runSteps(b, threeActivities) })
	b.Run("stock", func(b *testing.B) { runSteps(b, threeActivities, stock...) })
}

// BenchmarkThreeTimers is the same for three timers of a millisecond.
func BenchmarkThreeTimers(b *testing.B) {
	b.Run("tuned", func(b *testing.B) { runSteps(b, threeTimers) })
	b.Run("stock", func(b *testing.B) { runSteps(b, threeTimers, stock...) })
}

// BenchmarkListed is the time from a start request to the workflow's being listed.
func BenchmarkListed(b *testing.B) {
	b.Run("tuned", func(b *testing.B) { runListed(b) })
	b.Run("stock", func(b *testing.B) { runListed(b, stock...) })
}

// stock sets what the server would use without us.
var stock = []string{
	"--dynamic-config-value", "history.transferProcessorMaxPollRPS=20",
	"--dynamic-config-value", "history.timerProcessorMaxPollRPS=20",
	"--dynamic-config-value", `history.timerProcessorMaxTimeShift="1s"`,
	"--dynamic-config-value", "history.visibilityProcessorMaxPollRPS=20",
	"--dynamic-config-value", "matching.numTaskqueueReadPartitions=4",
	"--dynamic-config-value", "matching.numTaskqueueWritePartitions=4",
}

func runSteps(b *testing.B, steps func(workflow.Context) error, flags ...string) {
	b.Helper()
	c := launch(b, append([]string{"--headless"}, flags...)...).dial(b)
	w := worker.New(c, "steps", worker.Options{})
	w.RegisterWorkflowWithOptions(steps, workflow.RegisterOptions{Name: "steps"})
	w.RegisterActivity(nothing)
	require.NoError(b, w.Start())
	b.Cleanup(w.Stop)

	once := func() {
		run, err := c.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{TaskQueue: "steps"}, "steps")
		require.NoError(b, err)
		require.NoError(b, run.Get(b.Context(), nil))
	}
	once()
	for b.Loop() {
		once()
	}
}

func runListed(b *testing.B, flags ...string) {
	b.Helper()
	c := launch(b, append([]string{"--headless"}, flags...)...).dial(b)
	for b.Loop() {
		run, err := c.ExecuteWorkflow(b.Context(), client.StartWorkflowOptions{TaskQueue: "nobody"}, "steps")
		require.NoError(b, err)
		for listed := false; !listed; {
			list, err := c.ListWorkflow(b.Context(), &workflowservice.ListWorkflowExecutionsRequest{
				Query: fmt.Sprintf("WorkflowId = %q", run.GetID()),
			})
			require.NoError(b, err)
			listed = len(list.Executions) == 1
		}
	}
}

func nothing(context.Context) error { return nil }

func threeActivities(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second})
	for range 3 {
		if err := workflow.ExecuteActivity(ctx, nothing).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func threeTimers(ctx workflow.Context) error {
	for range 3 {
		if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}
