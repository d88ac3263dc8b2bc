package password

// CountWork makes h tell how many blocks each hash computes.
func (h *Argon2id) CountWork(tell func(blocks uint64)) {
	derive := h.derive
	h.derive = func(password string, salt []byte, c cost, size uint32) []byte {
		tell(c.work())
		return derive(password, salt, c, size)
	}
}
