package attempts

// Waiting returns how many stand in line.
func (g *Gate) Waiting() int64 { return g.waiting.Load() }

// Len returns how many buckets are kept.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.buckets)
}
