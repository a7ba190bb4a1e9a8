package adminapi

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// describe completes the OpenAPI document by what stands around every operation,
// and by what clients use, which other rooms answer.
func describe(doc *huma.OpenAPI) {
	doc.Info.Description = "Administrators send their key as a bearer token; over the admin socket none is needed. " +
		"Lists come in pages, reads have ETags, what makes something takes an Idempotency-Key, errors are RFC 9457 problem documents."
	doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"admin":  {Type: "http", Scheme: "bearer", Description: "An administrator's key, zga_…"},
		"client": {Type: "http", Scheme: "bearer", Description: "A client's key, zgc_…"},
	}
	for path, item := range doc.Paths {
		for method, o := range operationsOf(item) {
			o.Security = []map[string][]string{{"admin": {}}}
			o.Tags = []string{family(path)}
			if o.Description == "" {
				o.Description = o.Summary + "."
			}
			around(o, method, path)
		}
	}
	describeClients(doc)
	for _, s := range doc.Components.Schemas.Map() {
		for name, p := range s.Properties {
			if p.Description == "" && p.Ref == "" {
				p.Description = fields[name]
			}
		}
	}
}

// family is the first word of a path: what an operation is about.
func family(path string) string {
	return strings.Split(strings.Trim(path, "/"), "/")[1]
}

// operationsOf gives the operations of a path by their methods.
func operationsOf(item *huma.PathItem) map[string]*huma.Operation {
	all := map[string]*huma.Operation{http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete}
	maps.DeleteFunc(all, func(_ string, o *huma.Operation) bool { return o == nil })
	return all
}

// around adds the headers that [routes] sees to.
func around(o *huma.Operation, method, path string) {
	if method == http.MethodGet {
		o.Parameters = append(o.Parameters, header("If-None-Match", "ETags that the caller has; if the answer is one of them, it is 304 without a body"))
		if r := o.Responses["200"]; r != nil {
			r.Headers = map[string]*huma.Header{"ETag": {Description: "Strong; made of the content", Schema: text()}}
		}
		o.Responses["304"] = &huma.Response{Description: "The caller has the answer already"}
		return
	}
	o.Parameters = append(o.Parameters, header("If-Match", "ETag of the thing as the caller read it; if it is another by now, nothing is changed and the answer is 412"))
	if repeatable(method, path) {
		o.Parameters = append(o.Parameters, header(keyHeader, "A random text for each thing to make, 1 to 255 visible ASCII characters. The same request with the same key gets the same answer for 24 hours"))
	}
}

func text() *huma.Schema { return &huma.Schema{Type: huma.TypeString} }

func header(name, doc string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: doc, Schema: text()}
}

// clientOperations are what programs use with a client's key. Where administrators
// have the same path the operation says so for both.
var clientOperations = []struct{ method, path, id, summary, description string }{
	{"GET", "/v1/events", "pull-events", "Read the events of a client's shops", "In the order in which they happened, behind a cursor that the client keeps: after is next of the answer before, or the id of an event. A cursor of events that are not kept any more is 410."},
	{"GET", "/v1/events/stream", "stream-events", "Read the events of a client's shops live", "Server-sent events; Last-Event-ID begins behind an event."},
	{"GET", "/v1/shops/{shop}/token", "export-token", "Take a shop's kept token out", "Only with the right token:export, from the client's addresses, and with export=1; each time is recorded."},
	{"GET", "/wx/{shop}/{path}", "call-read", "Call WeChat for a shop", "The path is WeChat's own, without an access_token; so are the query, the body and the answer. X-Zhanggui-Errcode, -Rid, -Attempt and -Cause say what came of it."},
	{"POST", "/wx/{shop}/{path}", "call", "Call WeChat for a shop", "The path is WeChat's own, without an access_token; so are the query, the body and the answer. Uploads are streamed. X-Zhanggui-Errcode, -Rid, -Attempt and -Cause say what came of it."},
}

// clientFamily is what they are listed under.
const clientFamily = "for-clients"

func describeClients(doc *huma.OpenAPI) {
	for path, item := range doc.Paths {
		if strings.HasPrefix(path, "/v1/subscriptions") {
			for _, o := range operationsOf(item) {
				o.Security = append(o.Security, map[string][]string{"client": {}})
				o.Description += " A client sees its own subscriptions alone."
			}
		}
	}
	for _, c := range clientOperations {
		o := &huma.Operation{OperationID: c.id, Method: c.method, Path: c.path, Summary: c.summary, Description: c.description, Tags: []string{clientFamily},
			Security: []map[string][]string{{"client": {}}}, Responses: map[string]*huma.Response{
				"200": {Description: "The answer"},
				"default": {Description: "A problem", Content: map[string]*huma.MediaType{
					"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}}},
			}}
		for part := range strings.SplitSeq(c.path, "/") {
			if name, ok := strings.CutPrefix(part, "{"); ok {
				name = strings.TrimSuffix(name, "}")
				o.Parameters = append(o.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: text(),
					Description: map[string]string{"shop": "Our id of the shop", "path": "WeChat's path, slashes and all"}[name]})
			}
		}
		if c.id == "pull-events" {
			for _, q := range [][2]string{{"after", "Where to begin"}, {"limit", "At most so many, 1 to 1000"}, {"shop", "Only of this shop"}, {"events", "Names, or beginnings with * behind them, by commas"}} {
				o.Parameters = append(o.Parameters, &huma.Param{Name: q[0], In: "query", Description: q[1], Schema: text()})
			}
		}
		doc.AddOperation(o)
	}
}

// fields are the words of fields that mean the same wherever they stand.
var fields = map[string]string{
	"today": "Calls today, in China's time", "per_hour": "Calls an hour, at the rate of the last one",
	"burst": "Calls that may come at once", "per_second": "Calls a second", "path": "WeChat's path",
	"access_expires": "When WeChat's access token ends", "account": "WeChat's id of the account", "accounts": "The accounts", "admin": "Id of the administrator",
	"after": "Where the part begins", "allow_private": "The address may be in a private network", "api_hosts": "Hosts of WeChat's API to use instead of the usual one, in order",
	"app": "Our id of the app", "appid": "WeChat's id", "apps": "Apps that log people in, and platforms", "at": "When it happened", "attempts": "How often it was tried",
	"busy": "Grants that are being renewed right now", "callback_host": "Host that WeChat sends people back to", "cause": "Why, in a few words", "changes": "What was changed, or would be",
	"channel": "Where it goes", "client": "Id of the client", "clients": "Programs with keys of their own", "components": "Ids of the third-party platforms", "created": "When it was made",
	"data": "What WeChat said, as it came", "deliveries": "How far it got on each channel", "details": "Values by name", "device": "A short description of the browser", "done": "When it was over",
	"door": "How they logged in", "dry_run": "Nothing is changed", "due_at": "When the keeper looks at it next", "egress": "Name of the way out to WeChat", "en": "In English", "ended": "When it ended",
	"entry": "The entry as it was encoded when it was recorded", "errcode": "WeChat's errcode", "events": "Names of events, or beginnings with * behind them", "expires": "When it ends",
	"fields": "Names of the fields that differ", "generation": "Counts the tokens that were kept", "given_up": "When it was given up", "grant": "The grant that serves it", "hold": "Keep them without using them",
	"id": "Our id of it", "items": "In the order of the list", "key_hint": "First characters of the key", "kind": "What sort it is", "live": "It counts right now", "loopback": "Plain HTTP is allowed on this machine",
	"members": "Roles of people", "mode": "What is allowed, or who renews", "moved": "How many changed hands", "name": "For people", "next": "What to do, or where the next part begins", "nickname": "As WeChat last told it",
	"not": "Grants that cannot change hands", "offset": "Where the part begins", "op": "create, change or remove", "order_id": "WeChat's id of the order", "owner_message": "How a service account writes to owners in WeChat", "outcome": "What became of it",
	"paused_until": "It rests until then", "person": "Our id of the person", "primary": "It seals", "public_host": "Host of the public URL", "reason": "Why", "refresh_expires": "When WeChat's refresh token ends",
	"refresh_token": "WeChat's refresh token of the account", "replayed": "How many are sent once more", "revoke_shop_on_withdraw": "Deleting the data of who logged in ends the shop's grant too", "revoked": "When it was revoked",
	"role": "owner, operator or viewer", "roles": "Roles held, ended ones included", "scope": "What the person agreed to", "seen": "When it was last used", "seq": "Its number in the log", "service": "The service that was bought",
	"service_id": "WeChat's id of the service", "services": "Services in the service market", "sets": "Permission sets", "shop": "Our id of the shop", "shops": "Ids of shops, or the shops", "since": "From when on", "size": "How many entries there are",
	"spec": "The variant that was bought", "state": "How it stands", "status": "How it stands", "subject": "What it is about", "taken": "The receiver took it", "tenant": "Our id of the tenant", "tenants": "The tenants",
	"type": "Name of the event", "unread": "Grants that could not be read", "until": "To when; left out: no end", "updated_at": "When it last changed", "url": "https address", "verify_body": "Content of the domain proof",
	"verify_name": "File name of the domain proof", "version": "Of the server", "warning": "What follows from it", "what": "What happened", "why": "Why it ended", "zh": "In Chinese", "now": "The server's time",
}

// families are the families of a document in order.
func families(doc *huma.OpenAPI) []string {
	seen := map[string]bool{}
	for _, item := range doc.Paths {
		for _, o := range operationsOf(item) {
			seen[o.Tags[0]] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
