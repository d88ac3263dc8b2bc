package redisstore

import (
	"sync"

	"github.com/multiaccount-go/multiaccount/account"
)

// recent remembers what the records that were read last decode to. Redis is asked at every request all the same: only the
// very bytes that came from there are looked up, so nothing can be out of date. Decoding is what a request costs most
// beside the round trip.
type recent struct {
	mu       sync.Mutex
	now, old map[account.SessionID]decoded
}

type decoded struct {
	data    string
	session *account.Session // never handed out, only copies
}

// generation is how many records are kept before the ones that nobody asked for again are dropped.
const generation = 1024

// read is a blobReader with a memory. The caller owns the result.
func (r *recent) read(id account.SessionID, data string) (*account.Session, error) {
	r.mu.Lock()
	known, ok := r.now[id]
	if !ok {
		known = r.old[id]
	}
	r.mu.Unlock()
	if known.session == nil || known.data != data {
		session, err := readBlob(id, data)
		if err != nil {
			return nil, err
		}
		known = decoded{data, session}
		ok = false
	}
	if !ok {
		r.keep(id, known)
	}
	return known.session.Clone(), nil
}

func (r *recent) keep(id account.SessionID, d decoded) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.now) >= generation {
		r.old, r.now = r.now, nil
	}
	if r.now == nil {
		r.now = make(map[account.SessionID]decoded)
	}
	r.now[id] = d
}
