package oidc

import (
	"encoding/json"
	"net/http"
)

// metadata is the document of OpenID Connect Discovery 1.0, section 3, with the
// additions of RFC 8414, RFC 9207 and the specifications of logout.
type metadata struct {
	Issuer            string   `json:"issuer"`
	Authorize         string   `json:"authorization_endpoint"`
	Token             string   `json:"token_endpoint"`
	Userinfo          string   `json:"userinfo_endpoint"`
	EndSession        string   `json:"end_session_endpoint"`
	JWKS              string   `json:"jwks_uri"`
	Scopes            []string `json:"scopes_supported"`
	ResponseTypes     []string `json:"response_types_supported"`
	ResponseModes     []string `json:"response_modes_supported"`
	GrantTypes        []string `json:"grant_types_supported"`
	SubjectTypes      []string `json:"subject_types_supported"`
	Algorithms        []string `json:"id_token_signing_alg_values_supported"`
	ClientAuth        []string `json:"token_endpoint_auth_methods_supported"`
	Challenges        []string `json:"code_challenge_methods_supported"`
	Prompts           []string `json:"prompt_values_supported"`
	Claims            []string `json:"claims_supported"`
	Locales           []string `json:"ui_locales_supported"`
	NamesIssuer       bool     `json:"authorization_response_iss_parameter_supported"`
	ClaimsParameter   bool     `json:"claims_parameter_supported"`
	RequestParameter  bool     `json:"request_parameter_supported"`
	RequestURI        bool     `json:"request_uri_parameter_supported"`
	BackChannel       bool     `json:"backchannel_logout_supported"`
	BackChannelWithID bool     `json:"backchannel_logout_session_supported"`
}

func (p *Provider) metadata() metadata {
	return metadata{
		Issuer: p.issuer, Authorize: p.issuer + pathAuthorize, Token: p.issuer + pathToken, Userinfo: p.issuer + pathUserinfo,
		EndSession: p.issuer + pathEnd, JWKS: p.issuer + p.o.JWKS,
		Scopes:        []string{scopeOpenID, scopeProfile, scopeEmail, scopeOffline},
		ResponseTypes: []string{"code"}, ResponseModes: []string{"query"}, GrantTypes: []string{grantCode, grantRefresh},
		SubjectTypes: []string{"pairwise"}, Algorithms: []string{algorithm},
		ClientAuth: []string{"client_secret_basic", "client_secret_post", "none"}, Challenges: []string{"S256"},
		Prompts: []string{"none", "login", "select_account", "consent"},
		Claims: []string{"sub", "auth_time", "sid", "name", "picture", "email", "email_verified", "zhanggui_tenant", "zhanggui_shop", "zhanggui_role",
			"zhanggui_door", "zhanggui_openid", "zhanggui_unionid"},
		Locales: []string{"zh-CN", "en"}, NamesIssuer: true, BackChannel: true, BackChannelWithID: true,
	}
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	return json.NewEncoder(w).Encode(p.metadata())
}
