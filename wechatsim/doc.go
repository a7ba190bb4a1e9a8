// Package wechatsim emulates the part of WeChat that a keeper of shop keys
// talks to: authorisation pages, user tokens, global tokens and the shop API.
// It needs no account and no network, and is an [http.Handler]:
//
//	sim := wechatsim.New(wechatsim.Options{})
//	http.ListenAndServe("127.0.0.1:9188", sim)
//
// All of its hosts share that one base URL; their paths do not collide.
// [Sim.OpenHost], [Sim.APIHost] and [Sim.MPHost] serve them apart.
//
//	open.weixin.qq.com  /connect/oauth2/authorize, /connect/qrconnect
//	api.weixin.qq.com   /sns/…, /cgi-bin/…, /channels/ec/…
//	mp.weixin.qq.com    a landing page
//	the emulator        /, /sim/…
//
// # What it knows and who decides
//
// A [World] says which apps, people and shops there are; everything else grows
// from requests. A code is waiting, used, dropped or past its end. A user's
// pair of tokens is alive, past its end, or ended early with the errcode that
// it answers from then on. A global token is alive, ended by its successor, or
// past its end. Time is the emulator's own ([Sim.Now], [Sim.Advance]): nothing
// runs in the background, and a state is computed when somebody asks. One
// mutex guards it all.
//
// The rules come from the public pages of developers.weixin.qq.com. Where they
// are silent, doubtful or contradict each other there is a named switch
// ([Switches]); the default is the side that asks more of a program.
//
// # How it fails
//
// As WeChat does: HTTP 200 with an errcode for calls, HTTP 200 with a white
// page for people. Beyond that only when told to, by a [Fault]: delays, lost
// answers (before or after the effect), broken or missing bodies, chosen
// errcodes, callbacks that come twice. Every request is in the ledger
// ([Sim.Ledger]), also those whose answer was lost.
//
// # Playing a person
//
// In a browser, press the phone button on the home page, choose who you are,
// and open the link. The phone button sets a cookie that stands for WeChat's
// User-Agent; it counts on localhost, 127.0.0.1 and *.localhost only. In Go use
// [Sim.Visit], which walks through the same handlers.
//
// # Control API
//
// All of it is JSON and open to everybody who can reach the listener, secrets
// included: this is a sandbox. Listen on loopback. Mistakes in a body are told
// all at once with their JSON paths.
//
//	GET    /sim/health                          {"ok":true,"now":"…"}
//	GET    /sim/clock                           {"now":"…","offset":"0s"}
//	POST   /sim/clock                           {"advance":"110m"}
//	GET    /sim/ledger?path=/cgi-bin/*&since=12 {"entries":[…]}; path may repeat
//	GET    /sim/faults                          {"faults":[…]}
//	POST   /sim/faults                          {"path":"/cgi-bin/stable_token","kind":"lost_after","count":2}
//	DELETE /sim/faults
//	GET    /sim/switches                        every switch with its value
//	PATCH  /sim/switches                        {"refresh_token_rotates":false}
//	GET    /sim/world                           the world as it is now, with secrets
//	PATCH  /sim/apps/wx00000000000000c1         {"secret":"another","ip_allowlist":["192.0.2.0/24"]}
//	GET    /sim/people/owner                    openids and consents
//	POST   /sim/people/owner/withdraw           {"appid":"wx00000000000000a1"}
//	POST   /sim/people/owner/change-password    {}
//	POST   /sim/people/owner/close              {}
//	POST   /sim/people/owner/snapshot           {"on":true}
//	POST   /sim/people/owner/consent            {"appid":"wx00000000000000a1"}
//	POST   /sim/people/owner/follow             {"appid":"wx00000000000000a1"}
//	POST   /sim/tokens/kill                     {"appid":"wx00000000000000c1","kind":"stable"} or {"token":"…"}
//	POST   /sim/visit                           {"person":"owner","url":"http://…#wechat_redirect","decision":"agree"}
//	POST   /sim/phone                           form field device: phone or pc; sets the cookie
//	POST   /sim/who                             form field person; sets the cookie
package wechatsim
