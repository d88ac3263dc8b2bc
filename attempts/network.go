package attempts

import "github.com/multiaccount-go/multiaccount/internal/network"

// somewhere is the network of everything that is no address: all of it is counted together rather than not at all.
const somewhere = "somewhere"

// Network returns what tries from an address are counted under: an IPv4 address, however it is written, or the IPv6 network
// of 64 bits, which is what one customer gets at least. What is no address is one network.
func Network(address string) string {
	of := network.Of(address)
	switch {
	case !of.IsValid():
		return somewhere
	case of.IsSingleIP():
		return of.Addr().String()
	}
	return of.String()
}
