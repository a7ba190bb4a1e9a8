package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// learn reads who is asking, then removes from the request what must not be
// believed further in.
func learn(f *facts, r *http.Request, trusted []netip.Prefix) {
	peer := peerAddr(r.RemoteAddr)
	f.client, f.host, f.scheme = peer, strings.ToLower(r.Host), "http"
	if r.TLS != nil {
		f.scheme = "https"
	}
	believe := contains(trusted, peer)
	r.Header, f.forged = withoutForged(r.Header, believe)
	f.proxied = believe
	if believe {
		f.client = clientBehind(r.Header.Values("X-Forwarded-For"), peer, trusted)
		if h := strings.ToLower(last(r.Header.Values("X-Forwarded-Host"))); validHost(h) {
			f.host = h
		}
		if s := strings.ToLower(last(r.Header.Values("X-Forwarded-Proto"))); s == "https" || s == "http" {
			f.scheme = s
		}
	}
}

// peerAddr reads net/http's RemoteAddr. A unix socket has no address.
func peerAddr(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	return a.IsValid() && slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// clientBehind walks X-Forwarded-For from the right, the end that our own
// proxies wrote, to the first address that is not one of them. What stands
// further left was sent by that caller and proves nothing.
func clientBehind(values []string, peer netip.Addr, trusted []netip.Prefix) netip.Addr {
	client := peer
	for _, s := range slices.Backward(strings.Split(strings.Join(values, ","), ",")) {
		a, ok := forwardedAddr(strings.TrimSpace(s))
		if !ok {
			return client
		}
		client = a
		if !contains(trusted, client) {
			return client
		}
	}
	return client
}

// forwardedAddr reads one entry: an address, or one with its port, as some load
// balancers write it ("198.51.100.9:4711", "[2001:db8::1]:4711", "[2001:db8::1]").
func forwardedAddr(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
			s += ":0"
		}
		var ap netip.AddrPort
		ap, err = netip.ParseAddrPort(s)
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), err == nil
}

// last gives the last element of a list header: the one that the nearest
// proxy wrote, if it appends instead of replacing.
func last(values []string) string {
	s := strings.Join(values, ",")
	return strings.TrimSpace(s[strings.LastIndexByte(s, ',')+1:])
}

// validHost tells whether s has the form host[:port]. Anything else from a
// proxy is ignored.
func validHost(s string) bool {
	if s == "" || len(s) > 255 {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || strings.ContainsRune(".-:[]", c))
	})
}

// withoutForged gives h without identity headers, whoever sent them, and without
// forwarding headers from all but trusted proxies. Some servers read "_" as "-", so
// names are compared with that difference removed, and the odd spellings go in any
// case. h itself is left alone, since it is net/http's; nearly always there is
// nothing to remove. It also tells whether an identity header said something.
func withoutForged(h http.Header, believe bool) (out http.Header, identity bool) {
	out, copied := h, false
	for name, values := range h {
		if !forged(name, believe) {
			continue
		}
		if !copied {
			out, copied = h.Clone(), true
		}
		delete(out, name)
		identity = identity || ours(plainName(name)) && strings.Join(values, "") != ""
	}
	return out, identity
}

// plainName is how a forgiving server reads the name of a header.
func plainName(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// ours tells whether a plain name is one in which this server speaks.
func ours(plain string) bool { return strings.HasPrefix(plain, "x-zhanggui-") }

// waitHeader is the one header of ours that callers send. It says nothing of who
// they are: for how long the gateway may hold their call.
const waitHeader = "X-Zhanggui-Wait"

// forged tells whether the header of this name must not be believed.
func forged(name string, believe bool) bool {
	// All the names begin with one of two letters. Most headers do not.
	if name == "" || name[0]|0x20 != 'x' && name[0]|0x20 != 'f' {
		return false
	}
	if strings.HasPrefix(name, "X-Forwarded-") && strings.IndexByte(name, '_') < 0 {
		return !believe // as net/http writes them; nearly every request has some
	}
	plain := plainName(name)
	switch {
	case name == waitHeader:
		return false
	case ours(plain):
		return true
	case plain == "forwarded", plain == "x-real-ip", strings.HasPrefix(plain, "x-forwarded-"):
		return !believe || strings.Contains(name, "_")
	}
	return false
}
