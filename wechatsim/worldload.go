package wechatsim

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxWorld bounds a world file. A world is written by hand; a megabyte is far
// more than anybody needs.
const maxWorld = 1 << 20

// Problem is one mistake in a world file.
type Problem struct {
	// Path says where, as in $.apps[0].appid.
	Path string `json:"path"`
	// What is wrong there.
	What string `json:"what"`
	// Remedy says what to write instead.
	Remedy string `json:"remedy"`
}

// String gives one line: where, what, and what to write instead.
func (p Problem) String() string { return p.Path + " " + p.What + ": " + p.Remedy }

// WorldError lists every mistake found in a world, not only the first.
type WorldError struct{ Problems []Problem }

// Error lists the mistakes, one a line.
func (e *WorldError) Error() string {
	lines := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return "invalid world:\n  " + strings.Join(lines, "\n  ")
}

// problems collects mistakes.
type problems struct{ list []Problem }

func (ps *problems) add(path, what, remedy string) {
	ps.list = append(ps.list, Problem{Path: path, What: what, Remedy: remedy})
}

func (ps *problems) addf(path, what, remedy string, got, want any) {
	ps.add(path, fmt.Sprintf(what, got), fmt.Sprintf(remedy, want))
}

func (ps *problems) err() error {
	if len(ps.list) == 0 {
		return nil
	}
	return &WorldError{Problems: ps.list}
}

// LoadWorld reads a world file. Unknown fields are refused, and all mistakes
// are reported at once in a [*WorldError]. The result has its defaults filled
// in and is ready for [Load].
func LoadWorld(r io.Reader) (*World, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxWorld+1))
	if err != nil {
		return nil, fmt.Errorf("read world: %w", err)
	}
	if len(data) > maxWorld {
		return nil, errors.New("world is larger than 1 MiB: let the emulator generate products and orders instead of listing them")
	}
	var ps problems
	w := &World{Switches: new(StrictSwitches())}
	if decodeStrict(data, w, &ps) {
		if w.Switches == nil { // "switches": null
			w.Switches = new(StrictSwitches())
		}
		w.fill()
		w.check(&ps)
	}
	if err := ps.err(); err != nil {
		return nil, err
	}
	return w, nil
}

// decodeStrict decodes data into dst and reports unknown fields and wrong
// types with their paths. It returns false if dst was not filled.
func decodeStrict(data []byte, dst any, ps *problems) bool {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		ps.add("$", "is not JSON ("+err.Error()+")", "write one JSON object")
		return false
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		ps.add("$", "is followed by more text", "write one JSON object and nothing behind it")
		return false
	}
	shape := &shapeChecker{ps: ps}
	shape.walk("$", tree, reflect.TypeOf(dst).Elem())
	if shape.wrongType {
		return false
	}
	if err := json.Unmarshal(data, dst); err != nil {
		ps.add("$", "cannot be read ("+err.Error()+")", "compare it with the documented fields")
		return false
	}
	return true
}

// shapeChecker compares decoded JSON with a Go type. The standard decoder
// stops at the first mistake and names no path, hence this walk.
type shapeChecker struct {
	ps        *problems
	wrongType bool
}

var textType = reflect.TypeFor[encoding.TextUnmarshaler]()

func (c *shapeChecker) walk(path string, v any, t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if v == nil {
		return
	}
	if reflect.PointerTo(t).Implements(textType) {
		c.text(path, v, t)
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		c.object(path, v, t)
	case reflect.Slice:
		c.list(path, v, t)
	case reflect.Map:
		m, ok := v.(map[string]any)
		c.need(ok, path, "is not an object", "write {\"name\": value}")
		for _, k := range slices.Sorted(maps.Keys(m)) {
			c.walk(path+"."+k, m[k], t.Elem())
		}
	case reflect.String:
		_, ok := v.(string)
		c.need(ok, path, "is not a string", "put it in quotes")
	case reflect.Bool:
		_, ok := v.(bool)
		c.need(ok, path, "is not true or false", "write true or false without quotes")
	default:
		c.integer(path, v, t)
	}
}

func (c *shapeChecker) need(ok bool, path, what, remedy string) {
	if !ok {
		c.wrongType = true
		c.ps.add(path, what, remedy)
	}
}

func (c *shapeChecker) text(path string, v any, t reflect.Type) {
	s, ok := v.(string)
	if !ok {
		c.need(false, path, "is not a string", "write it in quotes, like \"330s\" or \"2026-01-02T15:04:05Z\"")
		return
	}
	into := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	err := into.UnmarshalText([]byte(s))
	c.need(err == nil, path, fmt.Sprintf("is %q", s), "write a duration like \"330s\", or a time like \"2026-01-02T15:04:05Z\"")
}

func (c *shapeChecker) object(path string, v any, t reflect.Type) {
	m, ok := v.(map[string]any)
	c.need(ok, path, "is not an object", "write it in braces")
	fields := map[string]reflect.Type{}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		fields[name] = field.Type
	}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		ft, known := fields[k]
		if !known {
			c.ps.add(path+"."+k, "is not a known field", "use one of "+strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			continue
		}
		c.walk(path+"."+k, m[k], ft)
	}
}

func (c *shapeChecker) list(path string, v any, t reflect.Type) {
	items, ok := v.([]any)
	c.need(ok, path, "is not a list", "write it in square brackets")
	for i, item := range items {
		c.walk(fmt.Sprintf("%s[%d]", path, i), item, t.Elem())
	}
}

func (c *shapeChecker) integer(path string, v any, t reflect.Type) {
	n, ok := v.(json.Number)
	if ok {
		var err error
		if t.Kind() == reflect.Uint64 {
			_, err = strconv.ParseUint(n.String(), 10, 64)
		} else {
			_, err = strconv.ParseInt(n.String(), 10, 64)
		}
		ok = err == nil
	}
	c.need(ok, path, "is not a whole number in range", "write digits without quotes")
}

var (
	appIDForm  = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	personForm = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	domainForm = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*(/[A-Za-z0-9._~/-]*)?$`)
)

// check adds every mistake of meaning. It expects defaults to be filled in.
func (w *World) check(ps *problems) {
	if w.TokenLife.Std() < 10*time.Second {
		ps.add("$.token_life", "is shorter than 10s", "write at least \"10s\"")
	}
	if w.RefreshLife.Std() < w.TokenLife.Std() {
		ps.add("$.refresh_life", "is shorter than token_life", "leave it out for 30 days")
	}
	kinds := map[string]Kind{}
	for i, a := range w.Apps {
		path := fmt.Sprintf("$.apps[%d]", i)
		if _, dup := kinds[a.AppID]; dup {
			ps.add(path+".appid", "is used twice", "give every app its own appid")
		}
		kinds[a.AppID] = a.Kind
		a.check(path, ps)
	}
	checkPeople(w.People, kinds, ps)
	checkShops(w.Shops, kinds, ps)
	w.checkGrants(kinds, ps)
	for i, l := range w.Limits {
		l.check(fmt.Sprintf("$.limits[%d]", i), ps)
	}
	for i, f := range w.Faults {
		f.check(fmt.Sprintf("$.faults[%d]", i), ps)
	}
	w.Switches.check("$.switches", ps)
}

func (a *App) check(path string, ps *problems) {
	if !appIDForm.MatchString(a.AppID) {
		ps.addf(path+".appid", "is %q", "write %s", a.AppID, `"wx" and 16 lower-case hexadecimal digits`)
	}
	if a.Secret == "" {
		ps.add(path+".secret", "is empty", "write any text; it is not a real secret")
	}
	oneOf(ps, path+".kind", string(a.Kind), string(ServiceAccount), string(Website), string(ShopApp), string(Component),
		string(MiniProgram), string(Channels), string(Talent), string(MobileApp), string(MarketHome))
	a.checkPlatform(path, ps)
	checkTemplates(a, path, ps)
	if a.CallbackDomain != "" && !slices.Contains([]Kind{ServiceAccount, Website, Component}, a.Kind) {
		ps.addf(path+".callback_domain", "is set on an app of kind %q", "leave it out: it has no callback domain%s", a.Kind, "")
	}
	if a.CallbackDomain != "" && !domainForm.MatchString(a.CallbackDomain) {
		ps.addf(path+".callback_domain", "is %q", "write a host%s", a.CallbackDomain, " in lower case without scheme and port")
	}
	for i, sc := range a.Scopes {
		oneOf(ps, fmt.Sprintf("%s.scopes[%d]", path, i), sc, scopesOf(a.Kind)...)
	}
	for i, entry := range a.IPAllowlist {
		if err := checkAllowEntry(a.Kind, entry); err != nil {
			ps.addf(fmt.Sprintf("%s.ip_allowlist[%d]", path, i), "is %q", "%v", entry, err)
		}
	}
}

func scopesOf(k Kind) []string {
	switch k {
	case ServiceAccount:
		return []string{scopeBase, scopeUserinfo}
	case Website:
		return []string{scopeLogin}
	}
	return nil
}

// checkAllowEntry knows that a shop's list takes three block sizes only.
func checkAllowEntry(k Kind, entry string) error {
	if _, err := netip.ParseAddr(entry); err == nil {
		return nil
	}
	p, err := netip.ParsePrefix(entry)
	if err != nil {
		return errors.New("write an address or a block like 192.0.2.0/24")
	}
	if k == ShopApp && !slices.Contains([]int{8, 16, 24}, p.Bits()) {
		return errors.New("a shop's list takes /8, /16 and /24 only")
	}
	return nil
}

func checkPeople(people []Person, kinds map[string]Kind, ps *problems) {
	seen := map[string]bool{}
	openids := map[string]bool{}
	for i, p := range people {
		path := fmt.Sprintf("$.people[%d]", i)
		if !personForm.MatchString(p.Name) {
			ps.addf(path+".name", "is %q", "write 1 to 32 of %s", p.Name, "a-z, 0-9, '-' and '_'")
		}
		if seen[p.Name] {
			ps.add(path+".name", "is used twice", "give every person a different name")
		}
		seen[p.Name] = true
		for _, appid := range slices.Sorted(maps.Keys(p.OpenIDs)) {
			if _, known := kinds[appid]; !known {
				ps.add(path+".openids."+appid, "names no app of this world", "use an appid from $.apps")
			}
			key := appid + " " + p.OpenIDs[appid]
			if openids[key] {
				ps.add(path+".openids."+appid, "is somebody else's openid too", "give every person a different openid")
			}
			openids[key] = true
		}
		for j, appid := range p.Follows {
			if _, known := kinds[appid]; !known {
				ps.add(fmt.Sprintf("%s.follows[%d]", path, j), "names no app of this world", "use an appid from $.apps")
			}
		}
	}
}

func checkShops(shops []Shop, kinds map[string]Kind, ps *problems) {
	seen := map[string]bool{}
	for i, s := range shops {
		path := fmt.Sprintf("$.shops[%d]", i)
		if kinds[s.AppID] != ShopApp {
			ps.add(path+".appid", "names no app of kind shop", "add one with this appid to $.apps")
		}
		if seen[s.AppID] {
			ps.add(path+".appid", "is used twice", "describe every shop once")
		}
		seen[s.AppID] = true
		oneOf(ps, path+".status", s.Status, shopStatuses...)
		if s.Products < -1 || s.Products > 10_000 {
			ps.add(path+".products", "is out of range", "use -1 (none) to 10000")
		}
		if s.Orders < -1 || s.Orders > 10_000 {
			ps.add(path+".orders", "is out of range", "use -1 (none) to 10000")
		}
		if min(s.Reviews, s.ReviewsPerHour) < 0 {
			ps.add(path+".reviews", "is negative", "leave it out for 1000 a day and no hourly limit")
		}
		if s.Orders > 0 && s.Products == -1 {
			ps.add(path+".orders", "needs goods to be ordered", "allow products, or set orders to -1")
		}
	}
}

func (l *Limit) check(path string, ps *problems) {
	if !strings.HasPrefix(l.Path, "/") {
		ps.add(path+".path", "is not a path", "write it like /channels/ec/order/get")
	}
	if min(l.Daily, l.PerMinute, l.PerSecond, l.ComponentPerMinute) < 0 {
		ps.add(path, "holds a negative limit", "leave it out for the default")
	}
}
