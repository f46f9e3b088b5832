package models

import "encoding/json"

// PendingStart is a workflow that is to start as soon as Temporal can be
// reached.
type PendingStart struct {
	WorkflowID   string
	WorkflowType string
	Input        json.RawMessage
}
