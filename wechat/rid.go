package wechat

import (
	"net/netip"
	"regexp"
	"strings"
)

// ridGroups is a request id: three groups of hexadecimal digits.
var ridGroups = regexp.MustCompile(`\brid:?\s*([0-9a-fA-F]{4,16}-[0-9a-fA-F]{4,16}-[0-9a-fA-F]{4,16})`)

// hintForm is how older answers name the request.
var hintForm = regexp.MustCompile(`hints?:?\s*\[([^\]]{1,64})\]`)

// RID returns the request id at the end of an errmsg, "" if there is none.
// Current answers end in "rid: 61725984-6126f6f9-040f19c4", older ones in
// "hint: [...]". WeChat explains a rid for seven days at
// /cgi-bin/openapi/rid/get.
func RID(errmsg string) string {
	if all := ridGroups.FindAllStringSubmatch(errmsg, -1); len(all) > 0 {
		return all[len(all)-1][1]
	}
	if all := hintForm.FindAllStringSubmatch(errmsg, -1); len(all) > 0 {
		return strings.TrimSpace(all[len(all)-1][1])
	}
	return ""
}

// addressChars splits an errmsg into words that may be addresses.
func addressChars(r rune) bool {
	return !strings.ContainsRune("0123456789abcdefABCDEF.:", r)
}

// firstAddress returns the first address in an errmsg. WeChat writes
// "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist".
func firstAddress(errmsg string) netip.Addr {
	for word := range strings.FieldsFuncSeq(errmsg, addressChars) {
		addr, err := netip.ParseAddr(strings.Trim(word, "."))
		if err == nil && addr.IsValid() && !addr.IsUnspecified() {
			return addr.Unmap()
		}
	}
	return netip.Addr{}
}
