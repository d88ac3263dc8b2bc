// Package network says what belongs together of the addresses that requests come from.
package network

import "net/netip"

// Of returns what an address is counted under: an IPv4 address, however it is written, or the IPv6 network of 64 bits, which
// is what one customer gets at least. What is no address is the zero Prefix.
func Of(address string) netip.Prefix {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Prefix{}
	}
	bits := 64
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		bits = 32
	}
	return netip.PrefixFrom(ip, bits).Masked()
}
