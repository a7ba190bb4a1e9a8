package wechatsim

import (
	"fmt"
	"net/http"
)

// ResetSecret gives an app another AppSecret, as its owner does by hand in WeChat's
// console, and shows it this once. The one before ends at that moment: see
// developers.weixin.qq.com/doc/oplatform/developers/dev/api. The pages do not say that
// access tokens end with it; [Switches.SecretResetEndsTokens] lets them. A frozen
// secret stays frozen.
func (s *Sim) ResetSecret(appid string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.account(appid)
	if a == nil {
		return "", fmt.Errorf("app %q: %w", appid, ErrNoApp)
	}
	a.Secret = derive(s.world.Seed, "secret", appid, a.Secret)[:32]
	if s.sw.SecretResetEndsTokens {
		for _, g := range s.globals {
			if g.appid == appid && g.component == "" {
				g.kill(s.Now())
			}
		}
	}
	return a.Secret, nil
}

func (s *Sim) serveResetSecret(w http.ResponseWriter, r *http.Request) {
	secret, err := s.ResetSecret(r.PathValue("appid"))
	if err != nil {
		writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"secret": secret})
}
