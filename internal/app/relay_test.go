package app_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// TestClientsHear: a shop's grant ends, and its client hears of it on every way,
// also of the server that stops.
func TestClientsHear(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.declare()
	var made adminapi.SubscriptionView
	r.ask("POST", "/v1/subscriptions", adminapi.NewSubscriptionInput{Client: clientID, URL: "https://127.0.0.1:9/hook", Events: []string{"grant.*"}, AllowPrivate: true}, &made)

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.base+"/v1/events/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	stream, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	lines := bufio.NewScanner(stream.Body)
	if stream.StatusCode != http.StatusOK || !lines.Scan() {
		t.Fatalf("the stream: %d", stream.StatusCode)
	}

	r.ask("POST", "/v1/grants/"+r.grant("self").ID+"/revoke", map[string]string{"cause": "test"}, nil)
	var heard string
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			heard = data
			break
		}
	}
	status, body := r.get(r.base+"/v1/events?shop="+shopID, r.key)
	var page struct{ Items []json.RawMessage }
	if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK || len(page.Items) != 1 {
		t.Fatalf("pulled: %d %s, %v", status, body, err)
	}
	if string(page.Items[0]) != heard || !strings.Contains(heard, `"type":"grant.revoked","shop":"`+shopID+`"`) {
		t.Errorf("heard %s, pulled %s", heard, page.Items[0])
	}
	r.await("an attempt to post it", func() bool {
		_, metrics := r.get(r.ops+"/metrics", "")
		return strings.Contains(metrics, `zhanggui_events_relayed_total{result="failed"} 1`)
	})

	if status, body := r.get(r.base+"/v1/subscriptions", r.key); status != http.StatusOK || !strings.Contains(body, made.ID) || strings.Contains(body, "whsec_") {
		t.Errorf("the client's own list: %d %s", status, body)
	}
	for _, path := range []string{"/v1/events", "/v1/subscriptions", "/v1/grants"} {
		if status, _ := r.get(r.base+path, "zgc_SOMEBODYELSESOMEBODYELSE22"); status != http.StatusUnauthorized {
			t.Errorf("%s with a strange key: %d", path, status)
		}
	}
	if status, _ := r.get(r.base+"/v1/grants", r.key); status != http.StatusUnauthorized {
		t.Errorf("a client is let in as an administrator: %d", status)
	}
	if err := r.shutdown(); err != nil {
		t.Errorf("the stream keeps the server from stopping: %v", err)
	}
}
