package audit

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/multiaccount-go/multiaccount"
	"github.com/multiaccount-go/multiaccount/account"
)

// ErrBadRecord: a record was not written by this package, or by a later version of it. Pass it over.
var ErrBadRecord = errors.New("audit: record cannot be read")

// record returns an event as names and values.
func record(e multiaccount.Event) []string {
	values := []string{"time", strconv.FormatInt(e.Time.UnixMilli(), 10)}
	for _, f := range fields(e) {
		values = append(values, f.name, f.value)
	}
	return values
}

// Read returns the event of a record that a [Stream] wrote, from its names and values. Texts are escaped and cut as they
// were written, its time is exact to the millisecond, and Path is empty. Names that it does not know are passed over.
// ErrBadRecord: something else is in the log.
func Read(values map[string]string) (multiaccount.Event, error) {
	ms, err := strconv.ParseInt(values["time"], 10, 64)
	if err != nil {
		return multiaccount.Event{}, fmt.Errorf("%w: time", ErrBadRecord)
	}
	id, err := uuid.Parse(values["event"])
	if err != nil {
		return multiaccount.Event{}, fmt.Errorf("%w: event", ErrBadRecord)
	}
	if values["action"] == "" {
		return multiaccount.Event{}, fmt.Errorf("%w: action", ErrBadRecord)
	}
	return multiaccount.Event{
		ID: id, Time: time.UnixMilli(ms).UTC(), Action: values["action"], Code: values["code"], Session: values["session"],
		Actor: values["actor"], Account: values["account"], Named: values["named"], From: values["from"], To: values["to"], Scope: values["scope"],
		Reason: account.Reason(values["reason"]), Method: values["method"], Route: values["route"], IP: values["ip"],
		UserAgent: values["agent"], RequestID: values["request"],
	}, nil
}
