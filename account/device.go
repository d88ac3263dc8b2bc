package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"iter"
	"slices"
)

// DeviceToken names an account of another session to the person who looks at this one, so that it can be ended from here. It
// is worth nothing in any other session, nor for any other account of this one, and dies with either membership. It is empty
// while nobody is current.
func (s *Session) DeviceToken(other *Session, membership string) string {
	if s.Current == "" {
		return ""
	}
	mac := hmac.New(sha256.New, s.StampKey)
	mac.Write([]byte("device\x00"))
	mac.Write(s.ID[:])
	mac.Write(other.ID[:])
	mac.Write([]byte(s.Current + "\x00" + membership))
	var sum [sha256.Size]byte
	return encoding.EncodeToString(mac.Sum(sum[:0])[:sha256.Size/2])
}

// IsDeviceToken reports whether a token is that of an account of another session. No token is that of nobody.
func (s *Session) IsDeviceToken(token string, other *Session, membership string) bool {
	want := s.DeviceToken(other, membership)
	return want != "" && hmac.Equal([]byte(token), []byte(want))
}

// EachSession walks over the live sessions that hold an account, in no particular order and a batch at a time. It ends with
// the first error: ErrNoIndex when the store cannot tell, [UnavailableError] when it does not answer.
func (m *Manager) EachSession(ctx context.Context, accountID string) iter.Seq2[*Session, error] {
	return func(yield func(*Session, error) bool) {
		ids, err := m.sessionsOf(ctx, accountID)
		if err != nil {
			yield(nil, err)
			return
		}
		for batch := range slices.Chunk(ids, batchSize) {
			loaded, err := m.LoadMany(ctx, batch)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, s := range loaded {
				if s != nil && s.Find(accountID) != nil && !yield(s, nil) {
					return
				}
			}
		}
	}
}
