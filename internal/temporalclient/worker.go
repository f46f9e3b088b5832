package temporalclient

import (
	"time"

	"go.temporal.io/sdk/worker"
)

const (
	// concurrentActivities leaves connections to the database for local
	// activities when every activity is busy with rows.
	concurrentActivities = 24
	// workflowPollers is how many workflow tasks are asked for at once. With the
	// SDK's default of 2, a task of a burst often finds nobody waiting for it: a
	// twentieth fewer orders a second.
	workflowPollers = 8
	// StopTime bounds how long activities in flight may take to finish when the
	// program is told to stop. Cut ones are run again by another worker.
	StopTime = 20 * time.Second
)

// WorkerOptions are how a worker of workflows and of the activities on rows and
// mails polls. They are here and not in cmd/worker so that the benchmark can give
// them to the worker that it compares that one with.
func WorkerOptions() worker.Options {
	return worker.Options{
		MaxConcurrentActivityExecutionSize: concurrentActivities,
		MaxConcurrentWorkflowTaskPollers:   workflowPollers,
		WorkerStopTimeout:                  StopTime,
	}
}
