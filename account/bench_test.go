package account_test

import (
	"fmt"
	"testing"

	"github.com/multiaccount-go/multiaccount/account"
)

// BenchmarkDecode answers whether JSON is good enough for a record that is read at every request. The round trip to the
// store takes about 100 µs, so a decode of five accounts beyond a tenth of it would ask for another form.
func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{1, 5, 10} {
		b.Run(fmt.Sprintf("accounts=%d", n), func(b *testing.B) {
			s := sessionOf(b, n)
			data, err := account.Encode(s)
			if err != nil {
				b.Fatalf("encode: %v", err)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := account.Decode(s.ID, data); err != nil {
					b.Fatalf("decode: %v", err)
				}
			}
		})
	}
}

// BenchmarkStamp answers whether a stamp can be made for every form of a page, or has to be kept for the request.
func BenchmarkStamp(b *testing.B) {
	for _, n := range []int{1, 5, 10} {
		b.Run(fmt.Sprintf("accounts=%d", n), func(b *testing.B) {
			s := sessionOf(b, n)
			b.ReportAllocs()
			for b.Loop() {
				if s.Stamp() == "" {
					b.Fatal("no stamp")
				}
			}
		})
	}
}
