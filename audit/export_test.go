package audit

import "github.com/multiaccount-go/multiaccount"

// Clean is clean, for tests.
var Clean = clean

// Record returns what a stream would write of an event.
func Record(e multiaccount.Event) map[string]string {
	values := record(e)
	r := make(map[string]string, len(values)/2)
	for i := 0; i < len(values); i += 2 {
		r[values[i]] = values[i+1]
	}
	return r
}
