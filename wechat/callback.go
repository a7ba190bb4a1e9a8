package wechat

import (
	"context"
	"fmt"
	"net/netip"
)

// The shortest prefixes that are believed to be WeChat's. A shorter one would
// let half the world in.
const (
	widestV4 = 8
	widestV6 = 24
)

// CallbackSources are the addresses from which WeChat pushes.
type CallbackSources struct {
	Meta
	// Prefixes are never empty. A single address is a prefix of full length.
	Prefixes []netip.Prefix
	// Skipped counts entries that are no address, or a prefix so wide that it
	// cannot be meant. With some skipped the list may miss a source.
	Skipped int
}

// CallbackIPs returns the addresses from which WeChat pushes, for a firewall:
// /doc/channels/api/basic/api_getcallbackip. They change: ask daily. Any shop's
// or platform's token will do.
func (c *Client) CallbackIPs(ctx context.Context, token Token) (*CallbackSources, error) {
	const path = "/cgi-bin/getcallbackip"
	w := get(path, nil)
	if token == nil {
		return nil, w.refuse("a token is needed")
	}
	if err := w.addToken(token, c.tokenKey(path)); err != nil {
		return nil, err
	}
	return answerOf(ctx, c, w, readCallbackSources)
}

// readCallbackSources refuses an empty list: taken for an allowlist, it would
// shut WeChat out.
func readCallbackSources(o object, meta Meta) (*CallbackSources, error) {
	s := &CallbackSources{Meta: meta}
	for _, text := range o.texts("ip_list") {
		prefix, ok := parseSource(text)
		if !ok {
			s.Skipped++
			continue
		}
		s.Prefixes = append(s.Prefixes, prefix)
	}
	if len(s.Prefixes) == 0 {
		return nil, fmt.Errorf("%w: ip_list holds no address", ErrMalformed)
	}
	return s, nil
}

// parseSource reads an address or a prefix. An IPv4 address in the clothes of
// IPv6 is taken for what it is; a prefix so dressed is refused, because it can
// stand for all of IPv4.
func parseSource(text string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), !addr.IsUnspecified()
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return netip.Prefix{}, false
	}
	widest := widestV6
	if prefix.Addr().Is4() {
		widest = widestV4
	}
	return prefix.Masked(), prefix.Bits() >= widest
}
