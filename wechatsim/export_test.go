package wechatsim

// EmitAuth lets a platform hear of an authorisation, for tests that are about
// pushes and not about what leads to them.
func (s *Sim) EmitAuth(component, infoType string, fields map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emitAuth(s.apps[component], infoType, fields)
}

// ShopCall is how a path of the shop API wants to be called.
type ShopCall struct {
	Path, Method string
	Sets         []int
	File         bool
}

// ShopCalls lists all calls of the shop API, by path.
func ShopCalls() []ShopCall {
	var out []ShopCall
	for _, path := range Paths() {
		if rt := allRoutes[path]; rt.shop != nil {
			out = append(out, ShopCall{path, rt.method, rt.sets, rt.raw})
		}
	}
	return out
}
