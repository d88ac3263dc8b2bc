package oidc

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
)

// box encrypts what a browser keeps for the server. A browser can neither read nor change it, and what was kept for one
// purpose does not open as another.
type box struct{ aead cipher.AEAD }

func newBox(key []byte) *box {
	sum := sha256.Sum256(append([]byte("multiaccount oidc cookie v1\x00"), key...))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		panic(err) // the key has 32 bytes
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // the block has 16 bytes
	}
	return &box{aead}
}

func randomKey() []byte {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	return key
}

func (b *box) seal(purpose string, value any) (string, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, b.aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(b.aead.Seal(nonce, nonce, data, []byte(purpose))), nil
}

var errSealed = errors.New("oidc: not sealed by this key for this purpose")

func (b *box) open(purpose, sealed string, value any) error {
	data, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(data) < b.aead.NonceSize() {
		return errSealed
	}
	size := b.aead.NonceSize()
	data, err = b.aead.Open(nil, data[:size], data[size:], []byte(purpose))
	if err != nil {
		return errSealed
	}
	return json.Unmarshal(data, value)
}
