package wechatsim

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// What a person does inside WeChat is told to the apps the person authorised:
// developers.weixin.qq.com/doc/service/guide/h5/authorization_change.md.
const (
	eventRevoke = "user_authorization_revoke"
	eventClosed = "user_authorization_cancellation"
	eventEdited = "user_info_modified"
)

// RevokeInfo of a withdrawal: a service account hears that nickname and avatar
// were taken back, a website that everything was.
const (
	revokedProfile = "205"
	revokedAll     = "301"
)

// profileDays is how long after a consent an app hears that a profile was reset.
const profileDays = 30

// emitUser queues an event about a person for one app. FromUserName is
// WeChat's own account and not the person, as the page says.
func (s *Sim) emitUser(p *person, appid, event, revokeInfo string) {
	a := s.apps[appid]
	if a == nil {
		return
	}
	m := s.newPush(a, pushUser)
	if m == nil || a.Push.URL == "" {
		return
	}
	m.name, m.to = event, s.originalID(appid)
	o := pushObject{{"ToUserName", m.to}, {"FromUserName", teamOpenID}, {"CreateTime", unixNumber(m.made)},
		{"MsgType", "event"}, {"Event", event}, {"OpenID", s.openID(p, appid)}, {"AppID", appid}}
	if revokeInfo != "" {
		o = append(o, pushField{"RevokeInfo", revokeInfo})
	}
	if u := s.unionID(p, a); u != "" && s.sw.UserEventUnionID {
		o = append(o, pushField{"UnionID", u})
	}
	m.plain = o.toXML()
	s.arise(m)
}

// emitWithdrawn tells an app that a person withdrew from it.
func (s *Sim) emitWithdrawn(p *person, appid string) {
	info := revokedProfile
	if a := s.apps[appid]; a != nil && a.Kind == Website {
		info = revokedAll
	}
	s.emitUser(p, appid, eventRevoke, info)
}

// emitClosed tells every app that knows the person that the account is
// closed.
func (s *Sim) emitClosed(p *person) {
	for _, appid := range p.knownTo(s.Now()) {
		s.emitUser(p, appid, eventClosed, "")
	}
}

// knownTo lists the apps that have a person's consent or a token that lives, in
// a stable order.
func (p *person) knownTo(now time.Time) []string {
	apps := map[string]bool{}
	for appid := range p.consents {
		apps[appid] = true
	}
	for _, pair := range p.pairs {
		if !pair.over(now) {
			apps[pair.appid] = true
		}
	}
	return slices.Sorted(maps.Keys(apps))
}

// ResetProfile lets WeChat reset a risky nickname or avatar of a person. Apps
// the person agreed to in the last 30 days hear of it.
func (s *Sim) ResetProfile(name string) error {
	return s.withPerson(name, func(p *person) {
		p.Nickname, p.Avatar = "微信用户", ""
		for _, appid := range slices.Sorted(maps.Keys(p.consents)) {
			if s.Now().Before(p.consents[appid].Add(profileDays * 24 * time.Hour)) {
				s.emitUser(p, appid, eventEdited, "")
			}
		}
	})
}

// PushUser tells an app something about a person, whatever happened: event is
// user_authorization_revoke, user_authorization_cancellation or
// user_info_modified, and revokeInfo the list of what was taken back, if any.
func (s *Sim) PushUser(name, appid, event, revokeInfo string) error {
	if !slices.Contains([]string{eventRevoke, eventClosed, eventEdited}, event) {
		return fmt.Errorf("event %q is not about a person: use %s, %s or %s", event, eventRevoke, eventClosed, eventEdited)
	}
	var known bool
	err := s.withPerson(name, func(p *person) {
		if known = s.apps[appid] != nil; known {
			s.emitUser(p, appid, event, revokeInfo)
		}
	})
	if err == nil && !known {
		return fmt.Errorf("app %q: %w", appid, ErrNoApp)
	}
	return err
}
