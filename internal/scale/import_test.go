package scale

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/movein"
)

// platformAppID is a third-party platform that accounts move to.
const platformAppID = "wx00000000000000c1"

// accountsFile is what another system kept of n accounts, as a table. Refresh tokens
// are as long as WeChat's.
func accountsFile(n int) string {
	var b strings.Builder
	b.WriteString("appid,refresh_token,name\n")
	for i := range n {
		fmt.Fprintf(&b, "wx%016x,refreshtoken@@@%s%07d,店 %d\n", 0xa000000+i, strings.Repeat("demo", 32), i, i)
	}
	return b.String()
}

// BenchmarkImport takes accounts over from a table, held, as zhanggui import does:
// read, sent over the admin socket in parts, each part written in one transaction.
// Wanted: 40,000 in a minute.
func BenchmarkImport(b *testing.B) {
	for _, database := range databases {
		b.Run(database, func(b *testing.B) {
			e := startEmulator(b, 1)
			file := accountsFile(*grants)
			var took time.Duration
			for b.Loop() {
				s := newMoving(b, database, e)
				begun := time.Now()
				if got := s.take(file, true); got[movein.Imported] != *grants {
					b.Fatalf("imported %v of %d", got, *grants)
				}
				took += time.Since(begun)
				s.end()
			}
			b.ReportMetric(float64(*grants*b.N)/took.Seconds(), "accounts/s")
			b.ReportMetric(took.Seconds()/float64(b.N), "s-for-all")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// TestImport: what is measured is an import, and doing it again changes nothing.
func TestImport(t *testing.T) {
	for _, database := range databases {
		t.Run(database, func(t *testing.T) {
			const n = movein.MaxBatch + 100
			e := startEmulator(t, 1)
			s := newMoving(t, database, e)
			if got := s.take(accountsFile(n), true); got[movein.Imported] != n {
				t.Errorf("the first time: %v", got)
			}
			if got := s.take(accountsFile(n), true); got[movein.Kept] != n {
				t.Errorf("the second time: %v", got)
			}
			s.end()
			if all, _ := e.asked(); all != 0 {
				t.Errorf("WeChat was asked %d times for tokens of accounts that are held", all)
			}
		})
	}
}

// moving is a server with a platform, and a way to its admin socket.
type moving struct {
	*server
	admin *http.Client
}

func newMoving(tb testing.TB, database string, e *emulator) *moving {
	tb.Helper()
	w := newWorld(tb, database)
	m := &moving{server: w.start(e.URL, nil), admin: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(w.dir, app.SocketFile))
		}}}}
	tb.Cleanup(m.admin.CloseIdleConnections)
	m.ready()
	m.post("/v1/apply", adminapi.Manifest{Apps: []adminapi.ManifestApp{{ID: "platform", Kind: "component",
		AppID: platformAppID, Secret: "sandbox-secret-of-the-platform-01", CallbackHost: "127.0.0.1:8080"}}}, nil)
	return m
}

// take imports a file and says what became of its accounts.
func (m *moving) take(file string, hold bool) map[movein.Outcome]int {
	m.tb.Helper()
	read, err := movein.Read(strings.NewReader(file), movein.Auto, platformAppID)
	if err != nil {
		m.tb.Fatal(err)
	}
	var report movein.Report
	for part := range slices.Chunk(read.Rows, movein.MaxBatch) {
		body := adminapi.ImportBody{Hold: hold}
		for _, r := range part {
			body.Accounts = append(body.Accounts, adminapi.AccountBody{AppID: r.AppID, RefreshToken: r.Refresh.RevealString(), Name: r.Name})
		}
		var got struct{ Items []movein.Result }
		m.post("/v1/apps/platform/import", body, &got)
		report.Add(got.Items...)
	}
	return report.Counts
}

// post sends something to the admin socket and wants it to work.
func (m *moving) post(path string, in, out any) {
	m.tb.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		m.tb.Fatal(err)
	}
	resp, err := m.admin.Post("http://admin"+path, "application/json", bytes.NewReader(body)) //nolint:noctx // a test's own server
	if err != nil {
		m.tb.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		m.tb.Fatalf("%s: status %d, %v", path, resp.StatusCode, err)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(answer, out); err != nil {
		m.tb.Fatal(err)
	}
}
