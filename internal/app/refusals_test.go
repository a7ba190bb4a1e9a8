package app_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// entry is an audit entry as the log's export gives it.
type entry struct {
	Seq   int64
	Entry audit.Entry
}

// log reads the whole audit log.
func (r *rig) log() (all []entry) {
	r.t.Helper()
	for after := int64(-1); ; after = all[len(all)-1].Seq {
		var page struct {
			Items []struct {
				Seq   int64
				Entry json.RawMessage
			}
		}
		r.ask("GET", fmt.Sprintf("/v1/audit?after=%d&limit=100", after), nil, &page)
		if len(page.Items) == 0 {
			return all
		}
		for _, i := range page.Items {
			e, err := audit.Decode(i.Entry)
			if err != nil {
				r.t.Fatal(err)
			}
			all = append(all, entry{i.Seq, e})
		}
	}
}

// refusals sums up what was refused for a reason: entries, and how often.
func refusals(all []entry, reason string) (entries int, times int64) {
	for _, e := range all {
		if e.Entry.Reason == reason && e.Entry.Outcome == audit.Refused {
			entries++
			times += max(1, e.Entry.Count)
		}
	}
	return entries, times
}

// TestFloodOfUnknownKeys: few entries, every refusal counted, nothing lost at the
// end. What the addresses claim to be changes nothing.
func TestFloodOfUnknownKeys(t *testing.T) {
	t.Parallel()
	const total, workers = 2_000, 20
	r := newRig(t, nil)
	r.declare()
	public := r.app.Public()
	peer := netip.MustParseAddrPort("198.51.100.7:1234")
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range total / workers {
				// The handler itself: thousands of sockets would measure the kernel.
				req := httptest.NewRequest("GET", "/wx/lantian/channels/ec/basics/info/get", nil)
				req.RemoteAddr = peer.String()
				req.Header.Set("Authorization", "Bearer zgc_"+rand.Text())
				req.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.%d.%d", w, i%250))
				if rec := serveRequest(public, req); rec.Code != http.StatusUnauthorized {
					t.Errorf("an unknown key is answered with %d", rec.Code)
					return
				}
			}
		})
	}
	wg.Wait()
	if entries, _ := refusals(r.log(), "key-unknown"); entries > 3 {
		t.Errorf("the flood wrote %d entries while it went on, want at most one a minute", entries)
	}
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	r.start(nil)
	entries, times := refusals(r.log(), "key-unknown")
	if times != total || entries > 4 {
		t.Errorf("%d entries count %d refusals, want few entries and %d", entries, times, total)
	}
	for _, e := range r.log() {
		if text := fmt.Sprint(e.Entry); strings.Contains(text, "198.51.100") || strings.Contains(text, "192.0.") || strings.Contains(text, "zgc_") {
			t.Errorf("entry %d holds an address or a key: %s", e.Seq, text)
		}
	}
}

// TestHeadsCoverTheLog: what Run writes last is signed too, in the file that is
// outside of the database.
func TestHeadsCoverTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	r.get(r.base+"/wx/lantian/channels/ec/basics/info/get", "zgc_"+rand.Text()) // written at the end
	for range 20 {
		r.get(r.base+"/wx/nobody/channels/ec/basics/info/get", r.key)
	}
	if err := r.shutdown(); err != nil {
		t.Fatal(err)
	}
	verifier, err := audit.ReadVerifier(filepath.Join(r.dir, audit.PubFile))
	if err != nil {
		t.Fatal(err)
	}
	report, err := app.VerifyAudit(t.Context(), app.AuditFiles{Data: r.dir})
	if err != nil {
		t.Fatal(err)
	}
	if first, bad := report.First(); bad {
		t.Fatal(first)
	}
	if report.Unsigned() != 0 {
		t.Errorf("%d of %d entries are under no signed head", report.Unsigned(), report.Entries)
	}
	heads, err := audit.ReadHeadFile(filepath.Join(r.dir, audit.HeadsFile))
	if err != nil {
		t.Fatal(err)
	}
	head, err := audit.OpenCheckpoint(heads[len(heads)-1], verifier)
	if err != nil || head.Size != report.Entries {
		t.Errorf("the newest signed head covers %d entries (%v), the log has %d", head.Size, err, report.Entries)
	}
}
