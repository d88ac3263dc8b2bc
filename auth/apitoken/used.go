package apitoken

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/multiaccount-go/multiaccount/auth"
)

// purposeUse is that of notes about when a key was used. A note is a token of its own beside the key, so that writing it can
// never lose the key; nobody has a secret that it could be opened with.
const purposeUse auth.Purpose = "api_key_use"

const (
	// coarse is how often a use is noted at most, by each process.
	coarse = time.Hour
	// noteTime is how long noting may keep a request waiting.
	noteTime = time.Second
	// remembered is how many keys a process knows the last note of.
	remembered = 4096
)

// notes says when this process noted the use of a key.
type notes struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// due reports whether a use is to be noted, and remembers that it is.
func (n *notes) due(id string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at, ok := n.last[id]; ok && now.Sub(at) < coarse {
		return false
	}
	if n.last == nil || len(n.last) >= remembered {
		n.last = map[string]time.Time{}
	}
	n.last[id] = now
	return true
}

// note writes down that a key is used now. A failure costs the note, not the request.
func (k *Keys) note(ctx context.Context, key Key) {
	now := k.cfg.Now()
	if !k.notes.due(key.ID, now) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	id := noteID(key.ID)
	_ = k.cfg.Users.DropToken(ctx, purposeUse, key.UserID, id) // there may be none; whatever else is wrong, the next call tells
	err := k.cfg.Users.PutToken(ctx, auth.Token{ID: id, Purpose: purposeUse, Hash: sha256.Sum256([]byte(id)), UserID: key.UserID,
		Created: now, Expires: key.Expires})
	if err != nil {
		k.cfg.Log.Warn("apitoken: use of a key not noted", "key", key.ID, "err", err)
	}
}

func noteID(keyID string) string { return keyID + "-used" }
