package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/outage"
)

// TestOutagesInWords: a store that does not answer is no mistake of the server's.
func TestOutagesInWords(t *testing.T) {
	for _, tt := range []struct {
		name  string
		is    outage.Error
		again string
		cause string
		next  string
	}{
		{"away", outage.Error{Kind: outage.Away}, "5", "does not answer. This", "Repeat"},
		{"away for a while", outage.Error{Kind: outage.Away, Since: time.Date(2026, 3, 1, 8, 14, 3, 0, time.UTC)}, "5", "since 2026-03-01 08:14:03Z", "Repeat"},
		{"busy", outage.Error{Kind: outage.Busy}, "5", "busy", "Repeat"},
		{"full", outage.Error{Kind: outage.Full}, "30", "full", "free some space"},
		{"broken", outage.Error{Kind: outage.Broken}, "30", "cannot be used", "log says"},
		{"lost at the commit", outage.Error{Kind: outage.Away, Unsure: true}, "5", "may have been changed", "Look first"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.is.Err = errors.New("dial db.internal: refused")
			rec := httptest.NewRecorder()
			Machine(func(http.ResponseWriter, *http.Request) error {
				return fmt.Errorf("store: read shop: %w", &tt.is)
			}).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/v1/shops", nil))
			var p problem
			if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
				t.Fatal(err)
			}
			if rec.Code != http.StatusServiceUnavailable || p.Code != CodeDatabase || rec.Header().Get("Retry-After") != tt.again {
				t.Errorf("%d %s, Retry-After %q", rec.Code, p.Code, rec.Header().Get("Retry-After"))
			}
			if !strings.Contains(p.Cause, tt.cause) || !strings.Contains(p.Next, tt.next) || p.CauseZH == "" || p.NextZH == "" {
				t.Errorf("the words are %+v", p)
			}
			if strings.Contains(rec.Body.String(), "db.internal") {
				t.Errorf("the private cause is sent: %s", rec.Body)
			}
		})
	}
}
