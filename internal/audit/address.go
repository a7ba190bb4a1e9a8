package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
)

// Length of the prefix that stands for an address: what one provider hands to
// one site. A stranger changes the rest at will.
const (
	prefixV4 = 24
	prefixV6 = 48
)

// AddressKey gives a name for the network that an address belongs to, IPv4 /24
// or IPv6 /48: 16 hex digits, a keyed digest, so that the log holds no
// address. Without the salt nobody can try addresses until one fits; salt must
// be secret and stay the same for names to compare. An invalid address gives
// "unknown".
func AddressKey(addr netip.Addr, salt []byte) string {
	addr = addr.Unmap().WithZone("")
	n := prefixV6
	if addr.Is4() {
		n = prefixV4
	}
	prefix, err := addr.Prefix(n)
	if err != nil || !prefix.IsValid() {
		return "unknown"
	}
	mac := hmac.New(sha256.New, salt)
	mac.Write([]byte(prefix.String()))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
