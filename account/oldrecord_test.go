package account_test

import (
	"encoding/json"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

// recordOf1 is a record as the first version wrote it.
const recordOf1 = `{"schema":1,"id":"Gl5XYjFlJ95EYIURmjrf1g","gen":3,"why":"linked","cur":"m-a","pri":"m-a","acc":[{"m":"m-a","a"` +
	`:"a","s":"active","how":"password","at":1795598089502,"in":1795598089502,"till":1796638489502},{"m":"m-b","a":` +
	`"b","s":"inactive","how":"password","at":1795598089502,"in":1795598149502,"till":1796638489502},{"m":"m-c","a"` +
	`:"c","s":"signed_out","how":"password","at":1795598089502,"in":1795598209502,"till":1796638489502}],"intent":{` +
	`"by":"m-a","to":"/from","till":1795602289502},"sec":"dXCCPRtONpOOnR/pGe3aBphOINe622vZXz5Y7m0pRok=","prev":"AQI` +
	`DAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","prev_until":1795601699502,"stamp":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA` +
	`AAAAAAAAAAAA=","created":1795598089502,"deadline":1796724889502,"sw_at":1795601689502,"sw_n":7}`

// Records that are in a store when the program is replaced stay what they are, and one that uses nothing new is written as the
// first version wrote it.
func TestRecordOfTheFirstVersion(t *testing.T) {
	id, err := account.ParseSessionID("Gl5XYjFlJ95EYIURmjrf1g")
	if err != nil {
		t.Fatal(err)
	}
	s, err := account.Decode(id, []byte(recordOf1))
	if err != nil {
		t.Fatalf("decode: %v", err)
	}
	if s.Device != "" || s.Intent.Nonce != "" || s.Intent.ReturnTo != "/from" || len(s.Accounts) != 3 || s.Current != "m-a" {
		t.Errorf("got %+v", s)
	}
	if again, err := account.Encode(s); err != nil || string(again) != recordOf1 {
		t.Errorf("got %s, %v", again, err)
	}
}

// The first version reads no other schema than 1, takes every member it knows, and ignores the others.
func TestTheFirstVersionReadsNewRecords(t *testing.T) {
	s := fullSession(t)
	s.Device, s.Intent.Nonce = "Firefox", "nonce"
	data, err := account.Encode(s)
	if err != nil {
		t.Fatal(err)
	}
	var got, old map[string]json.RawMessage
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(recordOf1), &old); err != nil {
		t.Fatal(err)
	}
	for name := range old {
		if got[name] == nil {
			t.Errorf("a new record has no member %q", name)
		}
	}
	if string(got["schema"]) != "1" {
		t.Errorf("the schema is %s", got["schema"])
	}
}
