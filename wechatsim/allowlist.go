package wechatsim

import (
	"fmt"
	"net/http"
	"net/netip"
)

// refuseIP refuses a caller who is not on the app's IP allowlist. applies is
// false where a switch says that the list is not looked at.
func (s *Sim) refuseIP(c *call, a *app, applies bool) (answer, bool) {
	if !applies || len(a.IPAllowlist) == 0 {
		return answer{}, false
	}
	ip := remoteIP(c.r)
	if listed(a.IPAllowlist, ip) {
		return answer{}, false
	}
	if a.Kind == ShopApp {
		return s.refuseShopIP(c, ip), true
	}
	if a.Kind == Component {
		return s.failText(c, 61004, "access clientip is not registered, requestIP: "+ip), true
	}
	text := fmt.Sprintf("invalid ip %s ipv6 ::ffff:%s, not in whitelist", ip, ip)
	if a, err := netip.ParseAddr(ip); err == nil && a.Is6() && !a.Is4In6() {
		text = fmt.Sprintf("invalid ip %s, not in whitelist", ip)
	}
	return s.failText(c, s.sw.ServiceAllowlistCode, text), true
}

func (s *Sim) refuseShopIP(c *call, ip string) answer {
	text := "access clientip is not registered, not in ip-white-list, requestIP: " + ip
	switch s.sw.ShopIPRefusal {
	case "45035":
		return s.failText(c, 45035, text)
	case "61004":
		return s.failText(c, 61004, text)
	}
	return htmlAnswer(http.StatusForbidden, "403 Forbidden")
}

func listed(list []string, ip string) bool {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	for _, entry := range list {
		if one, err := netip.ParseAddr(entry); err == nil && one.Unmap() == addr {
			return true
		}
		if block, err := netip.ParsePrefix(entry); err == nil && block.Contains(addr) {
			return true
		}
	}
	return false
}
