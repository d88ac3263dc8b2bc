package attempts

import "net/netip"

// somewhere is the network of everything that is no address: all of it is counted together rather than not at all.
const somewhere = "somewhere"

// Network returns what tries from an address are counted under: an IPv4 address, however it is written, or the IPv6 network
// of 64 bits, which is what one customer gets at least. What is no address is one network.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return somewhere
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return somewhere
	}
	return network.String()
}
