package live

// Followed is a key that has open sockets in this process.
type Followed struct {
	Key     Key
	Version int64 // the newest that one of its sockets knows
}

// Followed returns the keys that have open sockets in this process, in no order, for a sweep that compares versions. Views
// that follow nothing are not among them.
func (h *Hub) Followed() []Followed {
	var all []Followed
	for i := range h.shards {
		newest := make(map[Key]int64)
		for _, m := range h.shards[i].members() {
			if m.view == nil || !m.view.alone {
				newest[m.group.key] = max(newest[m.group.key], m.knows().version)
			}
		}
		for key, version := range newest {
			all = append(all, Followed{key, version})
		}
	}
	return all
}

func (m *member) knows() known {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.told
}
