package moving

import (
	"strings"
	"time"

	"github.com/multiaccount-go/multiaccount/account"
)

// What a record of ours says instead of why its session changed. No reason of a session begins like this.
const (
	sealedMark = "moving:" // before the reason: the record is about to be in the new store, or is there already
	endedMark  = "ended:"  // before the reason: there is no session any more, and none will be
)

// movedAway is the reason for which a sealed record is deleted that nobody needs any more. No session ends with it.
const movedAway account.Reason = "moved"

// century is how far a sealed record's deadline lies back, so that a process which uses the old store alone takes the
// session for over rather than going on in a record that leads no more.
const century = 100 * 365 * 24 * time.Hour

// sealed returns what takes the place of a session in the old store while it moves. Nothing gets lost: see [unsealed].
func sealed(s *account.Session) *account.Session {
	c := s.Clone()
	c.Reason = sealedMark + s.Reason
	c.Deadline = s.Deadline.Add(-century)
	return c
}

func isSealed(s *account.Session) bool { return strings.HasPrefix(string(s.Reason), sealedMark) }

// unsealed returns the session that a sealed record stands for, with the revision it had before: a save of that revision
// cannot win.
func unsealed(s *account.Session) *account.Session {
	c := s.Clone()
	c.Reason = account.Reason(strings.TrimPrefix(string(s.Reason), sealedMark))
	c.Deadline = s.Deadline.Add(century)
	c.Revision--
	return c
}

// marker returns what takes the place of a session that has ended: nothing of it but its numbers. It is dead to a process
// that uses the store alone, and its generation lets that process close what is still open.
func marker(s *account.Session, why account.Reason) *account.Session {
	const nobody = "ended"
	return &account.Session{
		ID: s.ID, Revision: s.Revision, Version: s.Version, Generation: s.Generation + 1, Tag: s.Tag, Reason: endedMark + why,
		Seen: time.UnixMilli(0), Created: time.UnixMilli(0), Deadline: time.UnixMilli(0),
		Current: nobody, Primary: nobody, StampKey: make([]byte, 32),
		Accounts: []account.Linked{{Membership: nobody, Account: nobody, Status: account.StatusInactive}},
	}
}

func isMarker(s *account.Session) bool { return strings.HasPrefix(string(s.Reason), endedMark) }

// memory is how long a marker stays: longer than any copy of the session could be of use, and than its sealed record lives.
func (m *store) memory(s *account.Session) time.Duration {
	const slack = time.Hour // clocks differ
	longest := max(24*time.Hour, m.idle, time.Until(s.Deadline))
	for _, l := range s.Accounts { // a session that is being closed has a deadline that has passed; its accounts keep theirs
		longest = max(longest, time.Until(l.Deadline))
	}
	return longest + slack
}
