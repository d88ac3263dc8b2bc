package live

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
)

// What processes tell each other about presence: a head, which every message has, and a body.
//
//	head   version 1 byte, kind 1, sender 16, count of the sender's messages 8, groups 8
//	state  since 8, records: cells as the sender has them. Of the named groups the sender has nothing older than since
//	beat   a sum for each group 8×64
//	ask    whom 16 (zero: everybody): send me the named groups
//	bye    nothing
//
// A record is topic, part, number of keys, and of each key: key, meta, time, sockets. Numbers are varints; strings have their
// length first. Keys are in growing order, so that the same cell always is the same bytes.
const (
	wireVersion    = 1
	maxNodeMessage = 64 << 10
	headSize       = 1 + 1 + 16 + 8 + 8
	maxSockets     = 1 << 24 // of one key in one process
	maxTime        = 1 << 60

	parts  = 16 // of a topic
	groups = 64 // of the cells of a process
)

const (
	kindState = 'S'
	kindBeat  = 'B'
	kindAsk   = 'A'
	kindBye   = 'G'
)

var errMalformed = errors.New("malformed message")

// nodeID names a process for as long as it runs.
type nodeID [16]byte

func newNodeID() (id nodeID) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// part and group spread keys and cells. The node's name goes in, so that nobody can choose names that all fall together.
func (id nodeID) part(key string) byte { return sha256.Sum256(append(id[:], key...))[0] % parts }

func (id nodeID) group(c cell) byte {
	return sha256.Sum256(append(append(id[:], c.part), c.topic...))[1] % groups
}

// digest has the sums of all cells of each group, combined by exclusive or.
type digest [groups]uint64

// differ returns the groups in which two digests differ.
func (d *digest) differ(from *digest) (mask uint64) {
	for g := range d {
		if d[g] != from[g] {
			mask |= 1 << g
		}
	}
	return mask
}

type record struct {
	cell   cell
	guests []guest
	sum    uint64
}

// recordSum is what a digest has of a cell; nothing of an empty one.
func recordSum(encoded []byte, guests int) uint64 {
	if guests == 0 {
		return 0
	}
	sum := sha256.Sum256(encoded)
	return binary.BigEndian.Uint64(sum[:])
}

// nodeMessage is a message that was taken apart.
type nodeMessage struct {
	kind    byte
	from    nodeID
	at      uint64
	groups  uint64
	since   uint64
	records []record
	digest  digest
	whom    nodeID
}

func appendHead(to []byte, kind byte, from nodeID, at, mask uint64) []byte {
	to = append(to, wireVersion, kind)
	to = append(to, from[:]...)
	to = binary.BigEndian.AppendUint64(to, at)
	return binary.BigEndian.AppendUint64(to, mask)
}

func appendText(to []byte, s string) []byte {
	return append(binary.AppendUvarint(to, uint64(len(s))), s...)
}

// appendRecord needs guests in growing order.
func appendRecord(to []byte, c cell, guests []guest) []byte {
	to = append(appendText(to, c.topic), c.part)
	to = binary.AppendUvarint(to, uint64(len(guests)))
	for _, g := range guests {
		to = appendText(appendText(to, g.key), g.meta)
		to = binary.AppendUvarint(to, uint64(g.at))
		to = binary.AppendUvarint(to, uint64(min(g.sockets, maxSockets)))
	}
	return to
}

// decodeNodeMessage takes a message apart. What it makes is not much bigger than data, whatever data says.
func decodeNodeMessage(data []byte) (m nodeMessage, err error) {
	if len(data) < headSize || len(data) > maxNodeMessage {
		return m, fmt.Errorf("%w: %d bytes", errMalformed, len(data))
	}
	if data[0] != wireVersion {
		return m, fmt.Errorf("%w: version %d", errMalformed, data[0])
	}
	r := wireReader{data: data}
	m.kind = r.bytes(2)[1]
	copy(m.from[:], r.bytes(16))
	m.at, m.groups = r.fixed(), r.fixed()
	switch m.kind {
	case kindState:
		m.since = r.fixed()
		for !r.bad && len(r.data) > 0 {
			m.records = append(m.records, r.record())
		}
	case kindBeat:
		for g := range m.digest {
			m.digest[g] = r.fixed()
		}
	case kindAsk:
		copy(m.whom[:], r.bytes(16))
	case kindBye:
	default:
		r.bad = true
	}
	if r.bad || len(r.data) > 0 {
		return nodeMessage{}, fmt.Errorf("%w: kind %q", errMalformed, data[1])
	}
	return m, nil
}

// wireReader reads until something is wrong; then it is bad, and returns zeros.
type wireReader struct {
	data []byte
	bad  bool
}

func (r *wireReader) bytes(n int) []byte {
	if r.bad || n > len(r.data) {
		r.bad, r.data = true, nil
		return nil
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *wireReader) fixed() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// number reads a varint of at most limit.
func (r *wireReader) number(limit uint64) uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 || v > limit {
		r.bad = true
	}
	if r.bad {
		r.data = nil
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *wireReader) text(limit int) string { return string(r.bytes(int(r.number(uint64(limit))))) }

func (r *wireReader) record() (one record) {
	whole := r.data
	one.cell.topic = r.text(maxTrackedTopic)
	if b := r.bytes(1); b != nil {
		one.cell.part = b[0]
	}
	for range r.number(maxCellKeys) {
		g := guest{key: r.text(maxTrackedKey), meta: r.text(maxTrackedMeta)}
		g.at, g.sockets = int64(r.number(maxTime)), int(r.number(maxSockets))
		if n := len(one.guests); g.key == "" || g.sockets == 0 || n > 0 && one.guests[n-1].key >= g.key {
			r.bad = true
		}
		if r.bad {
			return record{}
		}
		one.guests = append(one.guests, g)
	}
	if one.cell.topic == "" || one.cell.part >= parts {
		r.bad = true
	}
	if r.bad {
		return record{}
	}
	one.sum = recordSum(whole[:len(whole)-len(r.data)], len(one.guests))
	return one
}
