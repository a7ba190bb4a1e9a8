package wechatsim

// EmitAuth lets a platform hear of an authorisation, for tests that are about
// pushes and not about what leads to them.
func (s *Sim) EmitAuth(component, infoType string, fields map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.emitAuth(s.apps[component], infoType, fields)
}
