package live

// What the tests of presence look at from inside.

// NewBareSocket makes a socket of a hub that has no connection.
func NewBareSocket(h *Hub) *Socket {
	s := newSocket(&page{newView: func() View { return nil }, Config: Config{Hub: h}})
	s.member = &member{hub: h}
	s.infos = newInbox()
	return s
}

// End does what happens when the connection of a socket ends.
func (s *Socket) End() { s.unmount() }

// Taken returns the messages that wait for the view, and takes them.
func (s *Socket) Taken() (all []Message) {
	for {
		select {
		case <-s.infos.some:
			all = append(all, s.infos.take())
		default:
			return all
		}
	}
}

// Hold keeps Close waiting until the returned function is called.
func (h *Hub) Hold() func() {
	if err := h.enter(h.limits.Sockets); err != nil {
		panic(err)
	}
	return h.left
}

// Remembered returns how many other processes and how many of their keys a hub knows, and how many cells it has told.
func (h *Hub) Remembered() (nodes, keys, told int) {
	h.presence.mu.Lock()
	defer h.presence.mu.Unlock()
	return len(h.presence.nodes), h.presence.remote, len(h.presence.told)
}

// RecodeNodeMessage takes a message apart and puts it together again, and returns how many keys it has.
func RecodeNodeMessage(data []byte) (again []byte, keys int, err error) {
	m, err := decodeNodeMessage(data)
	if err != nil {
		return nil, 0, err
	}
	again = appendHead(nil, m.kind, m.from, m.at, m.groups)
	switch m.kind {
	case kindState:
		again = append(again, data[headSize:headSize+8]...)
		for _, r := range m.records {
			again = appendRecord(again, r.cell, r.guests)
			keys += len(r.guests)
		}
	case kindBeat:
		again = append(again, data[headSize:]...)
	case kindAsk:
		again = append(again, m.whom[:]...)
	}
	return again, keys, nil
}

// StateMessage makes a message of a node that says of one topic that keys are there.
func StateMessage(node byte, count uint64, topic string, keys ...string) []byte {
	var guests []guest
	for _, key := range keys {
		guests = append(guests, guest{key: key, at: 1, sockets: 1})
	}
	to := append(appendHead(nil, kindState, nodeID{node, byte(len(topic))}, count, 0), make([]byte, 8)...)
	return appendRecord(to, cell{topic: topic}, guests)
}

const (
	PresenceBus  = presenceBus
	MaxNodes     = maxNodes
	MaxRemote    = maxRemote
	MaxTracked   = maxTracked
	MaxTopicKeys = maxTopicKeys
	MaxCells     = maxCells
	MaxPresent   = maxPresent
)
