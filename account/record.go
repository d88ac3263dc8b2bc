package account

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// MaxRecord is the size in bytes beyond which a record is neither written nor read.
const MaxRecord = 64 << 10

// schema numbers the form of a record. A record with another number is not read: never guess at authority.
const schema = 1

// record is the stored form. Names are short because a record is read at every request; times are Unix milliseconds.
type record struct {
	Schema     int      `json:"schema"`
	ID         string   `json:"id"` // compared on read: a reply meant for another request is not believed
	Generation int64    `json:"gen"`
	Reason     Reason   `json:"why"`
	Current    string   `json:"cur,omitempty"`
	Primary    string   `json:"pri"`
	Choice     string   `json:"choice,omitempty"`
	Accounts   []member `json:"acc"`
	Intent     *intent  `json:"intent,omitempty"`
	Secret     []byte   `json:"sec"`
	Previous   []byte   `json:"prev,omitempty"`
	PrevUntil  int64    `json:"prev_until,omitempty"`
	Sealed     bool     `json:"prev_sealed,omitempty"`
	StampKey   []byte   `json:"stamp"`
	Device     string   `json:"dev,omitempty"`
	Created    int64    `json:"created"`
	Deadline   int64    `json:"deadline"`
	Switched   int64    `json:"sw_at,omitempty"`
	Switches   int      `json:"sw_n,omitempty"`
	Linked     int64    `json:"li_at,omitempty"`
	Links      int      `json:"li_n,omitempty"`
}

type member struct {
	Membership string `json:"m"`
	Account    string `json:"a"`
	Status     Status `json:"s"`
	Method     string `json:"how"`
	At         int64  `json:"at"`
	Linked     int64  `json:"in"`
	Deadline   int64  `json:"till"`
	Scope      string `json:"in_scope,omitempty"`
}

type intent struct {
	By       string `json:"by"`
	Nonce    string `json:"n,omitempty"` // none: written by a version that knew of none
	ReturnTo string `json:"to"`
	Expires  int64  `json:"till"`
}

// Encode returns the part of a session that a store keeps as one blob. Revision, Version, Tag and Seen are not in it:
// a store keeps them beside it, where a script can compare them.
func Encode(s *Session) ([]byte, error) {
	r := record{
		Schema: schema, ID: s.ID.String(), Generation: s.Generation, Reason: s.Reason,
		Current: s.Current, Primary: s.Primary, Choice: s.Choice,
		Accounts: make([]member, len(s.Accounts)),
		Secret:   s.Secret[:], StampKey: s.StampKey, Device: s.Device,
		Created: s.Created.UnixMilli(), Deadline: s.Deadline.UnixMilli(),
	}
	for i, l := range s.Accounts {
		r.Accounts[i] = member{l.Membership, l.Account, l.Status, l.Method,
			l.AuthenticatedAt.UnixMilli(), l.LinkedAt.UnixMilli(), l.Deadline.UnixMilli(), l.Scope}
	}
	if s.Intent != nil {
		r.Intent = &intent{s.Intent.By, s.Intent.Nonce, s.Intent.ReturnTo, s.Intent.Expires.UnixMilli()}
	}
	if s.Previous != (Digest{}) {
		r.Previous, r.PrevUntil, r.Sealed = s.Previous[:], s.PreviousUntil.UnixMilli(), s.Sealed
	}
	if s.Switches.Count > 0 {
		r.Switched, r.Switches = s.Switches.Start.UnixMilli(), s.Switches.Count
	}
	if s.Links.Count > 0 {
		r.Linked, r.Links = s.Links.Start.UnixMilli(), s.Links.Count
	}
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("account: encode session: %w", err)
	}
	if len(data) > MaxRecord {
		return nil, fmt.Errorf("account: encode session: %d bytes exceed the maximum of %d", len(data), MaxRecord)
	}
	return data, nil
}

// Decode reads what Encode wrote for the session id. What does not add up is ErrBadRecord as a whole: a record is never
// half believed. The store sets Revision, Version, Tag and Seen afterwards.
func Decode(id SessionID, data []byte) (*Session, error) {
	if len(data) > MaxRecord {
		return nil, fmt.Errorf("%w: %d bytes", ErrBadRecord, len(data))
	}
	var r record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrBadRecord, err)
	}
	if err := r.check(id); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrBadRecord, err)
	}
	s := &Session{
		ID: id, Generation: r.Generation, Reason: r.Reason,
		Current: r.Current, Primary: r.Primary, Choice: r.Choice,
		Accounts: make([]Linked, len(r.Accounts)), Secret: Digest(r.Secret), StampKey: r.StampKey,
		Device: r.Device, Created: time.UnixMilli(r.Created), Deadline: time.UnixMilli(r.Deadline),
	}
	for i, m := range r.Accounts {
		s.Accounts[i] = Linked{
			Membership: m.Membership, Account: m.Account, Status: m.Status, Method: m.Method,
			AuthenticatedAt: time.UnixMilli(m.At), LinkedAt: time.UnixMilli(m.Linked), Deadline: time.UnixMilli(m.Deadline),
			Scope: m.Scope,
		}
	}
	if r.Intent != nil {
		s.Intent = &Intent{By: r.Intent.By, Nonce: r.Intent.Nonce, ReturnTo: r.Intent.ReturnTo, Expires: time.UnixMilli(r.Intent.Expires)}
	}
	if len(r.Previous) > 0 {
		s.Previous, s.PreviousUntil, s.Sealed = Digest(r.Previous), time.UnixMilli(r.PrevUntil), r.Sealed
	}
	if r.Switches > 0 {
		s.Switches = Window{Start: time.UnixMilli(r.Switched), Count: r.Switches}
	}
	if r.Links > 0 {
		s.Links = Window{Start: time.UnixMilli(r.Linked), Count: r.Links}
	}
	return s, nil
}

// check holds a record against what every session that we wrote obeys.
func (r *record) check(id SessionID) error {
	switch {
	case r.Schema != schema:
		return fmt.Errorf("schema %d, this program reads %d", r.Schema, schema)
	case r.ID != id.String():
		return errors.New("it names another session")
	case len(r.Secret) != len(Digest{}), len(r.Previous) != 0 && len(r.Previous) != len(Digest{}):
		return errors.New("digest has the wrong length")
	case len(r.StampKey) != 32:
		return errors.New("stamp key has the wrong length")
	case len(r.Accounts) == 0:
		return errors.New("no account")
	case (r.Current == "") == (r.Choice == ""):
		return errors.New("neither an account nor a choice is current, or both")
	}
	memberships := make(map[string]bool, len(r.Accounts))
	accounts := make(map[string]bool, len(r.Accounts))
	for _, m := range r.Accounts {
		switch {
		case m.Membership == "" || m.Account == "" || memberships[m.Membership] || accounts[m.Account]:
			return errors.New("an account is empty or there twice")
		case m.Status != StatusActive && m.Status != StatusInactive && m.Status != StatusSignedOut:
			return fmt.Errorf("unknown status %q", m.Status)
		}
		memberships[m.Membership], accounts[m.Account] = true, true
	}
	if !memberships[r.Primary] || r.Current != "" && !memberships[r.Current] {
		return errors.New("primary or current account is not in the session")
	}
	return nil
}
