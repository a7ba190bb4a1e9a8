package wechatsim

import (
	"encoding/json"
	"slices"
)

// funcInfo is one permission set as the platform sees it.
type funcInfo struct {
	Category struct {
		ID int `json:"id"`
	} `json:"funcscope_category"`
}

func (g *grant) funcInfo() []funcInfo {
	out := make([]funcInfo, len(g.sets))
	for i, id := range g.sets {
		out[i].Category.ID = id
	}
	return out
}

// covers tells whether the grant covers a call of a shop: one of the call's
// permission sets is enough.
func (g *grant) covers(rt route) bool {
	return slices.ContainsFunc(rt.sets, func(id int) bool { return slices.Contains(g.sets, id) })
}

type idOnly struct {
	ID int `json:"id"`
}

type businessInfo struct {
	OpenPay   int `json:"open_pay"`
	OpenShake int `json:"open_shake"`
	OpenScan  int `json:"open_scan"`
	OpenCard  int `json:"open_card"`
	OpenStore int `json:"open_store"`
}

type authorizerInfo struct {
	NickName      string       `json:"nick_name"`
	HeadImg       string       `json:"head_img,omitempty"`
	ServiceType   idOnly       `json:"service_type_info"`
	VerifyType    idOnly       `json:"verify_type_info"`
	UserName      string       `json:"user_name"`
	Alias         string       `json:"alias"`
	QRCodeURL     string       `json:"qrcode_url"`
	Business      businessInfo `json:"business_info"`
	IDC           int          `json:"idc"`
	PrincipalName string       `json:"principal_name"`
	Signature     string       `json:"signature"`
	AccountStatus int          `json:"account_status"`
	// Which of these is there says what sort of account it is.
	MiniProgram *miniProgramInfo `json:"MiniProgramInfo,omitempty"`
	Channels    *idOnly          `json:"channels_info,omitempty"`
	Store       *idOnly          `json:"store_info,omitempty"`
	Talent      *idOnly          `json:"talent_info,omitempty"`
}

type miniProgramInfo struct {
	Network struct {
		RequestDomain []string `json:"RequestDomain"`
	} `json:"network"`
	Categories  []json.RawMessage `json:"categories"`
	VisitStatus int               `json:"visit_status"`
}

func (s *Sim) authorizerInfo(a *app) authorizerInfo {
	out := authorizerInfo{NickName: a.Name, UserName: "gh_" + derive(s.world.Seed, "gh", a.AppID)[:12], IDC: 1,
		QRCodeURL: "https://mmecimage.cn/p/" + a.AppID + "/qr", PrincipalName: "示例商贸有限公司", AccountStatus: a.status()}
	switch a.Kind {
	case ShopApp:
		out.Store, out.NickName, out.UserName = &idOnly{}, s.shops[a.AppID].Nickname, s.shops[a.AppID].Username
	case MiniProgram:
		out.MiniProgram = &miniProgramInfo{Categories: []json.RawMessage{}}
		out.MiniProgram.Network.RequestDomain = []string{}
	case Channels:
		out.Channels = &idOnly{}
	case Talent:
		out.Talent = &idOnly{}
	case ServiceAccount:
		out.ServiceType.ID = 2
	}
	if !*a.Verified {
		out.VerifyType.ID = -1
	}
	return out
}

// apiAuthorizerInfo serves POST /cgi-bin/component/api_get_authorizer_info.
func (s *Sim) apiAuthorizerInfo(c *call, p *app) answer {
	var in struct {
		AppID string `json:"authorizer_appid"`
	}
	if bad := s.platformBody(c, p, &in); bad != 0 {
		return s.fail(c, bad)
	}
	g := p.platform.grants[in.AppID]
	switch {
	case in.AppID == "":
		return s.fail(c, 41002)
	case g == nil:
		return s.fail(c, 61003)
	}
	type authorization struct {
		AppID        string     `json:"authorizer_appid"`
		RefreshToken string     `json:"authorizer_refresh_token"`
		FuncInfo     []funcInfo `json:"func_info"`
	}
	return s.ok(c, struct {
		Info          authorizerInfo `json:"authorizer_info"`
		Authorization authorization  `json:"authorization_info"`
	}{s.authorizerInfo(s.account(in.AppID)), authorization{g.account, s.refreshToken(g, g.serial), g.funcInfo()}})
}

const maxListCount = 500

type listRow struct {
	AppID        string `json:"authorizer_appid"`
	RefreshToken string `json:"refresh_token,omitempty"`
	AuthTime     int64  `json:"auth_time"`
}

// apiAuthorizerList serves POST /cgi-bin/component/api_get_authorizer_list.
func (s *Sim) apiAuthorizerList(c *call, p *app) answer {
	var in struct {
		Offset int `json:"offset"`
		Count  int `json:"count"`
	}
	if bad := s.platformBody(c, p, &in); bad != 0 {
		return s.fail(c, bad)
	}
	switch {
	case in.Count > maxListCount:
		return s.fail(c, 40170)
	case in.Count < 1 || in.Offset < 0:
		return s.fail(c, 40035)
	}
	rows := []listRow{}
	for _, g := range window(p.platform.list, in.Offset, in.Count) {
		row := listRow{AppID: g.account, RefreshToken: s.refreshToken(g, g.serial), AuthTime: g.since.Unix()}
		p.platform.rows++
		if n := s.sw.ListOmitsRefreshToken; n > 0 && p.platform.rows%n == 0 {
			row.RefreshToken = ""
		}
		rows = append(rows, row)
	}
	return s.ok(c, struct {
		Total int       `json:"total_count"`
		List  []listRow `json:"list"`
	}{len(p.platform.list), rows})
}
