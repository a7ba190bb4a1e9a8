package adminapi_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.declare()
	ask := func(status int, method, path string, in, out any) {
		t.Helper()
		rec := r.say(method, path, in)
		if rec.Code != status {
			t.Fatalf("%s %s: %d %s, want %d", method, path, rec.Code, rec.Body, status)
		}
		if out != nil {
			if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
				t.Fatal(err)
			}
		}
	}
	var made adminapi.SubscriptionView
	in := adminapi.NewSubscriptionInput{Client: "erp", URL: "https://10.1.2.3/hook", Events: []string{"channels_*"}, AllowPrivate: true}
	ask(http.StatusOK, http.MethodPost, "/v1/subscriptions", in, &made)
	if !strings.HasPrefix(made.Secret, "whsec_") || made.State != "on" || !made.Private {
		t.Errorf("made %+v", made)
	}
	in.AllowPrivate = false
	ask(http.StatusUnprocessableEntity, http.MethodPost, "/v1/subscriptions", in, nil)
	in.URL, in.Client = "https://hooks.example.com/", "nobody"
	ask(http.StatusNotFound, http.MethodPost, "/v1/subscriptions", in, nil)

	var all struct{ Items []adminapi.SubscriptionView }
	ask(http.StatusOK, http.MethodGet, "/v1/subscriptions?client=erp", nil, &all)
	if len(all.Items) != 1 || all.Items[0].ID != made.ID || all.Items[0].Secret != "" {
		t.Errorf("listed %+v", all.Items)
	}
	one := "/v1/subscriptions/" + made.ID
	var tried adminapi.TriedView
	ask(http.StatusOK, http.MethodPost, one+"/test", nil, &tried)
	if tried.Taken || tried.Reason != "answered 410" || tried.Channel != "10.1.2.3" {
		t.Errorf("tried %+v", tried)
	}
	var rotated adminapi.RotatedView
	ask(http.StatusOK, http.MethodPost, one+"/rotate", nil, &rotated)
	if rotated.Secret == made.Secret || !strings.HasPrefix(rotated.Secret, "whsec_") {
		t.Error("the secret is the one before")
	}
	ask(http.StatusNoContent, http.MethodPost, one+"/start", nil, nil)
	ask(http.StatusOK, http.MethodGet, one+"/dead", nil, nil)
	var replayed adminapi.ReplayedView
	ask(http.StatusOK, http.MethodPost, one+"/replay", adminapi.ReplayInput{Events: []string{"ev_7"}}, &replayed)
	if replayed.Replayed != 0 {
		t.Errorf("replayed %d", replayed.Replayed)
	}
	ask(http.StatusUnprocessableEntity, http.MethodPost, one+"/replay", adminapi.ReplayInput{Events: []string{"7"}}, nil)
	ask(http.StatusNoContent, http.MethodDelete, one, nil, nil)
	ask(http.StatusNotFound, http.MethodGet, one, nil, nil)
	for _, body := range r.seen[2:] {
		if strings.Contains(body, made.Secret) {
			t.Error("the secret is shown again")
		}
	}
}
