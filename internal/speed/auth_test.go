package speed

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/signer"
)

// The page about GET /auth.
const (
	authPage    = "auth.md"
	authFigures = "auth.json"
)

// asked are the figures of this run about GET /auth.
var asked []authFigure

// authFigure is what one case came to.
type authFigure struct {
	What   string  `json:"what"`
	Unit   string  `json:"unit,omitempty"` // of the next two
	HMAC   float64 `json:"hmac,omitempty"`
	Server float64 `json:"server"`
	Ratio  float64 `json:"ratio,omitempty"` // median of the rounds' ratios, server over HMAC handler
	Wanted string  `json:"wanted,omitempty"`
}

// The things that are measured.
const (
	askedSpeed  = "requests a second"
	askedCPU    = "CPU time of a request"
	askedP50    = "answer at half of that, median"
	askedP99    = "answer at half of that, 99th percentile"
	askedSigned = "signing an assertion, once a minute for a session"
)

func (f authFigure) report(b *testing.B) {
	name := strings.NewReplacer(" ", "-", ",", "").Replace(f.What)
	if f.Ratio > 0 {
		b.ReportMetric(f.Ratio, name+"-ratio")
	}
	b.ReportMetric(f.Server, name+"-server"+f.Unit)
	if f.HMAC > 0 {
		b.ReportMetric(f.HMAC, name+"-hmac"+f.Unit)
	}
	asked = append(asked, f)
}

// BenchmarkAuth is GET /auth with a live session, in the whole server with access log
// and metrics, beside a handler that verifies an HMAC in a cookie and nothing else.
func BenchmarkAuth(b *testing.B) {
	wechat := startWeChat(b)
	wechat.says(600)
	office, bare := spawn(b, "office", wechat.Addr().String()), spawn(b, "hmac", wechat.Addr().String())
	ours := dial(b, office.way.Address, question(office.way), 202, callers)
	theirs := dial(b, bare.way.Address, question(bare.way), 202, callers)
	rush(b, theirs, roundTime) // to warm up
	rush(b, ours, roundTime)
	var all [6][]float64
	var halves []half
	for b.Loop() {
		x, y := measure(b, bare, theirs), measure(b, office, ours)
		took, took2 := halfLoad(b, theirs, x.perSecond), halfLoad(b, ours, y.perSecond)
		for i, v := range []float64{x.perSecond, y.perSecond, y.perSecond / x.perSecond, x.cpu, y.cpu, y.cpu / x.cpu} {
			all[i] = append(all[i], v)
		}
		halves = append(halves, half{percentile(took, 50), percentile(took2, 50), percentile(took, 99), percentile(took2, 99)})
	}
	b.ReportMetric(0, "ns/op")
	authFigure{What: askedSpeed, HMAC: median(all[0]), Server: median(all[1]), Ratio: median(all[2]), Wanted: "≥ 0.90"}.report(b)
	authFigure{What: askedCPU, Unit: "µs", HMAC: median(all[3]), Server: median(all[4]), Ratio: median(all[5])}.report(b)
	reportHalves(b, halves)
}

// half is what answers took at half load, in µs.
type half struct{ hmac50, server50, hmac99, server99 float64 }

func reportHalves(b *testing.B, halves []half) {
	pick := func(f func(half) float64) float64 {
		var all []float64
		for _, h := range halves {
			all = append(all, f(h))
		}
		return median(all)
	}
	authFigure{What: askedP50, Unit: "µs", HMAC: pick(func(h half) float64 { return h.hmac50 }), Server: pick(func(h half) float64 { return h.server50 })}.report(b)
	authFigure{What: askedP99, Unit: "µs", HMAC: pick(func(h half) float64 { return h.hmac99 }), Server: pick(func(h half) float64 { return h.server99 }), Wanted: "≤ 2,000 µs"}.report(b)
}

// halfLoad asks at half the pace of a rush, answered or not.
func halfLoad(b *testing.B, all []*caller, perSecond float64) []time.Duration {
	every := time.Duration(2 * float64(time.Second) / perSecond)
	return pace(b, all, every, int(roundTime/every))
}

// question is what a proxy asks for a page of the back office, with the headers that a
// browser sends.
func question(w way) []byte {
	return fmt.Appendf(nil, "GET /auth HTTP/1.1\r\nHost: %s\r\nUser-Agent: Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36\r\n"+
		"Accept: text/html,application/xhtml+xml\r\nAccept-Language: zh-CN,zh;q=0.9\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\nCookie: theme=dark; %s\r\n"+
		"X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Host: %s\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Uri: /orders?page=2\r\n\r\n", w.Address, w.Key, officeHost)
}

// BenchmarkSign is one signature of an assertion, with the key in memory.
func BenchmarkSign(b *testing.B) {
	s := testSigner(b)
	claims := map[string]any{
		"iss": "https://zhanggui.example.com", "aud": "https://erp.example.com", "sub": "p_00000000000000000001", "sid": "s_00000000000000000001",
		"iat": time.Now().Unix(), "exp": time.Now().Add(2 * time.Minute).Unix(), "shop": "lantian", "role": "owner", "door": "wechat",
	}
	if _, err := s.Sign(b.Context(), signer.ES256, claims); err != nil { // makes the key
		b.Fatal(err)
	}
	const each = 500
	var rounds []float64
	for b.Loop() {
		began := time.Now()
		for range each {
			if _, err := s.Sign(b.Context(), signer.ES256, claims); err != nil {
				b.Fatal(err)
			}
		}
		rounds = append(rounds, float64(time.Since(began).Nanoseconds())/1000/each)
	}
	b.ReportMetric(0, "ns/op")
	authFigure{What: askedSigned, Unit: "µs", Server: median(rounds)}.report(b)
}

// writeAuthPage writes this run's figures, and the page from them.
func writeAuthPage() error {
	raw, err := json.MarshalIndent(asked, "", "\t")
	if err != nil {
		return err
	}
	page, err := os.ReadFile(docs(authPage))
	if err != nil {
		return err
	}
	if err := os.WriteFile(docs(authFigures), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return os.WriteFile(docs(authPage), []byte(withTable(string(page), authTable(asked))), 0o644)
}

func authTable(all []authFigure) string {
	var b strings.Builder
	b.WriteString("| what | HMAC handler | server | ratio | wanted |\n|---|--:|--:|--:|--:|\n")
	number := func(v float64, unit string) string {
		switch {
		case v == 0:
			return ""
		case unit == "":
			return fmt.Sprintf("%.0f", v)
		}
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	for _, f := range all {
		ratio := ""
		if f.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", f.Ratio)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", f.What, number(f.HMAC, f.Unit), number(f.Server, f.Unit), ratio, f.Wanted)
	}
	return b.String()
}

// TestTheAuthPageShowsTheFigures: the table is that of the figures beside it.
func TestTheAuthPageShowsTheFigures(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(docs(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var all []authFigure
	if err := json.Unmarshal([]byte(read(authFigures)), &all); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range all {
		seen[f.What] = f.Server > 0
	}
	for _, what := range []string{askedSpeed, askedCPU, askedP50, askedP99, askedSigned} {
		if !seen[what] {
			t.Errorf("no figure for %s", what)
		}
	}
	if page := read(authPage); withTable(page, authTable(all)) != page {
		t.Error("the table is not that of the figures; write both with: go test -run '^$' -bench 'Auth|Sign' -benchtime 20x ./internal/speed -update")
	}
}
