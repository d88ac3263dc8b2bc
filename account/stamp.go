package account

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
)

// stampVersion opens every stamp, so that its form can change.
const stampVersion = "v1."

// Stamp says for whom a page is drawn: the current membership and a MAC over session, membership and scope. While the
// person is choosing it names the choice instead. It grants nothing by itself; it survives A→B→A and dies with the membership.
func (s *Session) Stamp() string {
	switch l := s.CurrentAccount(); {
	case l != nil:
		return s.stampFor(l.Membership, l.Scope)
	case s.Choice != "":
		return s.stampFor(s.Choice, "")
	}
	return ""
}

func (s *Session) stampFor(subject, scope string) string {
	mac := hmac.New(sha256.New, s.StampKey)
	mac.Write([]byte("stamp\x00"))
	mac.Write(s.ID[:])
	mac.Write([]byte(subject))
	if scope != "" {
		mac.Write([]byte("\x00" + scope)) // a subject has no zero byte
	}
	var sum [sha256.Size]byte
	// Half of the MAC is 128 bits: unguessable, and short enough for every form of a page.
	return stampVersion + subject + "." + encoding.EncodeToString(mac.Sum(sum[:0])[:sha256.Size/2])
}

// CheckStamp returns nil when the page that sent stamp was drawn for who is current now, else ErrStaleStamp.
func (s *Session) CheckStamp(stamp string) error {
	if want := s.Stamp(); want == "" || !hmac.Equal([]byte(stamp), []byte(want)) {
		return ErrStaleStamp
	}
	return nil
}

// Stamped returns the account of this session that a page was drawn for, or nil: the stamp is foreign, forged, or of an
// account that has left or works in another scope now. Use it to say who that was, never to decide what is allowed.
func (s *Session) Stamped(stamp string) *Linked {
	subject, _, _ := strings.Cut(strings.TrimPrefix(stamp, stampVersion), ".")
	l := s.Membership(subject)
	if l == nil || !hmac.Equal([]byte(stamp), []byte(s.stampFor(subject, l.Scope))) {
		return nil
	}
	return l
}
