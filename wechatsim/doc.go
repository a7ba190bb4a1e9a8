// Package wechatsim emulates the part of WeChat that a keeper of shop keys
// talks to: authorisation pages, user tokens, global tokens and the shop API.
// It needs no account and no network, and is an [http.Handler]:
//
//	sim := wechatsim.New(wechatsim.Options{})
//	http.ListenAndServe("127.0.0.1:9188", sim)
//
// All of its hosts share that one base URL; their paths do not collide.
// [Sim.OpenHost], [Sim.APIHost], [Sim.MPHost] and [Sim.MarketHost] serve them
// apart.
//
//	open.weixin.qq.com  /connect/oauth2/authorize, /connect/qrconnect
//	api.weixin.qq.com   /sns/…, /cgi-bin/…, /channels/ec/…, /shop/ec/…, /wxa/servicemarket/…
//	mp.weixin.qq.com    /cgi-bin/componentloginpage, a landing page
//	fuwu.weixin.qq.com  /market/…, the service market
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
// # Third-party platforms
//
// An app of kind component (第三方平台) acts for accounts that authorised it.
// An account authorises a component once at most; the authorisation has
// permission sets, a refresh token and an authorizer token. It begins with the
// purchase of a service in the market, or with a link (never for a shop), and
// ends when the account withdraws it. What a component is told of this is
// queued as events: authorized only when it was not authorised before,
// updateauthorized only when sets changed, unauthorized always. Authorising
// again makes a new refresh token and ends both old ones at once; an ordinary
// refresh leaves the old refresh token five minutes.
//
// 去使用 in the market sends the browser to the service's URL with a code and
// nothing else. The code says which shop came, never who. [PlatformWorld] has
// all of it; [World.Grants] and [Crowd] make authorisations that are there from
// the start. [Sim.Buy], [Sim.OpenService] and [Sim.VisitGrant] play the
// merchant; so do the pages under /market/.
//
//	{"apps":[{"appid":"wx00000000000000d1","secret":"s","kind":"component","permission_sets":[129,130,131],
//	   "published":true,"test_list":[],"ip_allowlist":[],"callback_domain":"isv.example.com",
//	   "push":{"auth_url":"https://isv.example.com/auth","event_url":"https://isv.example.com/event/$APPID$",
//	           "token":"…","encoding_aes_key":"…","previous_encoding_aes_key":"…"},
//	   "services":[{"service_id":3403799157105049601,"name":"…","url":"https://isv.example.com/enter",
//	                "specs":[{"spec_id":"standard","sku_id":"915673","days":365,"price":19900}]}]}],
//	 "grants":[{"component":"wx00000000000000d1","appid":"wx00000000000000c1","permission_sets":[129,131]}],
//	 "crowd":{"component":"wx00000000000000d1","shops":100000}}
//
// # A shop
//
// A shop has goods, orders and what a merchant keeps besides: addresses,
// freight templates, warehouses, coupons, files, money. [Paths] lists the calls
// it answers; all others answer 40066. A product has a draft, which the merchant
// edits, and a live version, which customers see; review carries the one over to
// the other by the emulator's clock, as long as the day has reviews left. An
// order is unpaid, to be shipped, partly shipped, on its way, done or cancelled:
// delivery/send moves it, and [Sim.BuyerActs] plays what the buyer does. An
// after-sale is asked for, refused or accepted; goods are then awaited, on their
// way and received, and in an exchange other goods go. The shop may propose
// something else and wait for the buyer's answer; the buyer may complain of a
// refusal, and the service desk may then want proof. Stock changes at once, and twice if a change is sent twice.
//
// On behalf of a shop a component may make a call if it was granted one of the
// call's permission sets (权限集). Every call is counted by app and path, by the
// day, the minute and the second ([Limit], [Sim.SetLimit], [Sim.SetUsed]);
// quota/get tells the numbers, quota/clear and clear_quota set them back.
//
// # How it fails
//
// As WeChat does: HTTP 200 with an errcode for calls, HTTP 200 with a white
// page for people. Beyond that only when told to, by a [Fault]: delays, lost
// answers (before or after the effect), broken, slow, endless or missing bodies,
// false types, pages of the edge, chosen errcodes, callbacks that come twice.
// Every request is in the ledger ([Sim.Ledger]), also those whose answer was
// lost.
//
// # Playing a person
//
// In a browser, press the phone button on the home page, choose who you are,
// and open the link. The phone button sets a cookie that stands for WeChat's
// User-Agent; it counts on localhost, 127.0.0.1 and *.localhost only. In Go use
// [Sim.Visit], which walks through the same handlers.
//
// # Pushes
//
// The emulator tells servers what happened, as WeChat does (消息推送): tickets
// and changes of authorisation to a platform's auth_url, events of shops to
// their own url in JSON and to their platforms' event_url in XML, and what a
// person does with an authorisation to the app's url in XML. All of it is in
// safe mode: AES-256-CBC, padded to blocks of 32, signed with the token. Where
// they go is [PushSettings]; [Sim.SetPush] checks a URL as the console does.
//
// A push is waiting, under way, acknowledged or given up. It keeps the message,
// the token and the key of the moment it arose. The emulator's clock decides
// what is due, and nothing goes out by itself: [Sim.Deliver] sends what is due
// now, and [Sim.RunPushes] calls it five times a second. A good answer is HTTP
// 200 and "success"; events of shops and people may answer with an empty body.
// After a bad one, or none within five seconds:
//
//	ticket               no retry; the next comes ten minutes after the last
//	authorisation event  no retry, unless [Switches.AuthEventRetries] says so
//	shop's event         after 0 s, 0 s, 10 s, 1 min, 5 min, 30 min, and three times 60 min
//	person's event       three times at once
//
// After fifteen bad answers of an auth_url in a row ([Switches.TicketStopAfter])
// the tickets stop until api_start_push_ticket asks for them. Every try is in
// the push ledger ([Sim.PushLedger]). A [PushFault] loses, doubles, delays or
// reorders events, or spoils a try; [Sim.PushDay] makes a day of them.
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
//	GET    /sim/limits                          {"limits":[…]}, those that differ from the defaults
//	POST   /sim/limits                          {"path":"/channels/ec/order/get","daily":100}; one per path and app
//	POST   /sim/used                            {"appid":"wx…c1","path":"/channels/ec/order/get","calls":99}
//	POST   /sim/shops/wx…c1/orders/37…/pay      {}; or another act of BuyerActs: cancel, confirm, refund, …
//	POST   /sim/shops/wx…c1/coupons/10…/give    {"openid":"o_buyer_1"}: {"user_coupon_id":"…"}
//	GET    /sim/switches                        every switch with its value
//	PATCH  /sim/switches                        {"refresh_token_rotates":false}
//	GET    /sim/world                           the world as it is now, with secrets
//	PATCH  /sim/apps/wx00000000000000c1         {"secret":"another","ip_allowlist":["192.0.2.0/24"]}
//	POST   /sim/apps/wx…c1/reset-secret         {}: {"secret":"…"}; the one before ends
//	GET    /sim/people/owner                    openids and consents
//	POST   /sim/people/owner/withdraw           {"appid":"wx00000000000000a1"}
//	POST   /sim/people/owner/change-password    {}
//	POST   /sim/people/owner/close              {}
//	POST   /sim/people/owner/snapshot           {"on":true}
//	POST   /sim/people/owner/consent            {"appid":"wx00000000000000a1"}
//	POST   /sim/people/owner/follow             {"appid":"wx00000000000000a1"}
//	POST   /sim/people/owner/unfollow           {"appid":"wx00000000000000a1"}
//	POST   /sim/people/owner/subscribe          {"appid":"wx00000000000000a1","template":"tpl"}
//	POST   /sim/people/owner/reset-profile      {}
//	GET    /sim/messages                        what service accounts wrote to people
//	POST   /sim/tokens/kill                     {"appid":"wx00000000000000c1","kind":"stable"} or {"token":"…"}
//	POST   /sim/stranger                        {"appid":"wx00000000000000c1","asks":"forced"}: another program with the same AppSecret; also "stable", "token"
//	POST   /sim/visit                           {"person":"owner","url":"http://…#wechat_redirect","decision":"agree"}
//	POST   /sim/mini/login                      {"person":"owner","appid":"wx00000000000000e1"}: {"code":"…"}, as wx.login gives it
//	GET    /sim/components/wx00000000000000d1   tickets, number of accounts and buyers
//	POST   /sim/components/wx…d1/ticket         {}; makes and pushes a ticket now
//	GET    /sim/components/wx…d1/accounts       ?offset=0&limit=100; with tokens
//	GET    /sim/components/wx…d1/accounts/wx…c1 one authorisation
//	POST   /sim/components/wx…d1/accounts/wx…c1/withdraw     {}
//	POST   /sim/components/wx…d1/accounts/wx…c1/reauthorize  {"permission_sets":[129,131]}; {} keeps them
//	POST   /sim/accounts/wx…c1/account-status   {"account_status":19}: 1, 14, 16, 18 or 19
//	POST   /sim/accounts/wx…c1/shop-status      {"status":"closing"}
//	POST   /sim/accounts/wx…c1/change-password  {}
//	POST   /sim/market/buy                      {"appid":"wx…c1","service_id":3403799157105049601,"spec_id":"standard"}
//	POST   /sim/market/use                      {"appid":"wx…c1","service_id":3403799157105049601}: {"url":"…?code=…"}
//	POST   /sim/visit/grant                     {"account":"wx…a1","url":"http://…/cgi-bin/componentloginpage?…","decision":"agree"}
//	POST   /sim/phone                           form field device: phone or pc; sets the cookie
//	POST   /sim/who                             form field person; sets the cookie
//	GET    /sim/push                            {"pending":3,"tickets":[{"appid":"…","on":true,"bad":0}]}
//	GET    /sim/push/page                       settings and latest pushes, for a browser
//	GET    /sim/push/ledger?name=channels_*&since=12 {"entries":[…]}; name may repeat
//	POST   /sim/push/deliver                    sends what is due: {"sent":2,"pending":0}
//	POST   /sim/push/shop                       {"appid":"wx00000000000000c1","event":"channels_ec_order_new","body":{"order_info":{"order_id":3700000000000000001}}}
//	POST   /sim/push/user                       {"person":"owner","appid":"wx00000000000000a1","event":"user_authorization_revoke","revoke_info":"205"}
//	POST   /sim/push/day                        {"seed":1,"events":1000,"over":"24h","shops":["wx00000000000000c1"]}
//	PUT    /sim/push/settings/wx00000000000000c1 {"url":"https://…","token":"…","encoding_aes_key":"…"}, with the URL check
//	POST   /sim/push/tickets/wx…/stop           or start, or now
//	GET    /sim/push/faults                     {"faults":[…]}
//	POST   /sim/push/faults                     {"kind":"duplicate","name":"channels_*","times":2,"count":-1}; kinds: [PushFaultKind]
//	DELETE /sim/push/faults
package wechatsim
