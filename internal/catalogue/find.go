package catalogue

import "strings"

// Find gives the endpoints that a part of a path may stand for, in the order of the
// paths: the one that it names, also without its tree (order/get); or else those that
// end in it behind a slash; or else those that it is in.
func (c *Catalogue) Find(part string) []*Endpoint {
	part = strings.ToLower(part)
	rest := strings.Trim(part, "/")
	if rest == "" || len(part) > maxPath {
		return nil
	}
	for _, whole := range []string{part, "/" + rest, "/channels/ec/" + rest} {
		if e, ok := c.Lookup(whole); ok {
			return []*Endpoint{e}
		}
	}
	if found := c.that(func(path string) bool { return strings.HasSuffix(path, "/"+rest) }); len(found) > 0 {
		return found
	}
	return c.that(func(path string) bool { return strings.Contains(path, rest) })
}

// that gives the endpoints whose paths pass, without those that nobody may call.
func (c *Catalogue) that(pass func(path string) bool) []*Endpoint {
	var found []*Endpoint
	for _, e := range c.all {
		if pass(e.Path) && !e.Closed() {
			found = append(found, e)
		}
	}
	return found
}

// URL is where the endpoint is documented, or "".
func (e *Endpoint) URL() string {
	if e.Page == "" {
		return ""
	}
	return "https://developers.weixin.qq.com/" + e.Page
}
