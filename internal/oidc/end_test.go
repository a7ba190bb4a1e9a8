package oidc

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
)

const bye = "https://erp.example.com/bye"

func (w *world) end(session string, q url.Values) *httptest.ResponseRecorder {
	return w.send(session, httptest.NewRequest(http.MethodGet, pathEnd+"?"+q.Encode(), nil))
}

func TestAProgramEndsTheSession(t *testing.T) {
	w := newWorld(t)
	_, _, id := w.tokens("owner")
	hint, err := w.Sign(t.Context(), algorithm, id)
	if err != nil {
		t.Fatal(err)
	}
	q := url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {bye}, "state": {"x y"}}
	// In another person's browser the token ends nothing.
	for _, session := range []string{"both", "admin"} {
		if answer := w.end(session, q); answer.Code != http.StatusOK || !w.sessions[session].Live(w.now) {
			t.Errorf("%s: %d", session, answer.Code)
		}
	}
	answer := w.end("owner", q)
	if to := answer.Header().Get("Location"); to != bye+"?state=x+y" || w.sessions["owner"].EndedWhy != "logout by erp" {
		t.Errorf("%d to %q, session %+v", answer.Code, to, w.sessions["owner"])
	}
	if to := w.end("", q).Header().Get("Location"); to != bye+"?state=x+y" {
		t.Errorf("without a session: to %q", to)
	}
	if answer := w.end("", url.Values{}); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), "/login") {
		t.Errorf("without anything: %d", answer.Code)
	}
}

func TestWhoDidNotAskToLeaveIsAsked(t *testing.T) {
	w := newWorld(t)
	_, _, id := w.tokens("owner")
	hint, err := w.Sign(t.Context(), algorithm, id)
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]url.Values{
		"no token": {"client_id": {"erp"}}, "another server's": {"id_token_hint": {"JWT.x.e"}, "client_id": {"erp"}},
		"another program's": {"id_token_hint": {hint}, "client_id": {"old"}}, "nothing": {},
	} {
		if answer := w.end("owner", q); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), pathEndHere) {
			t.Errorf("%s: %d: %s", name, answer.Code, answer.Body)
		}
	}
	if !w.sessions["owner"].Live(w.now) {
		t.Fatal("the session ended")
	}
	form := url.Values{"client_id": {"erp"}, "post_logout_redirect_uri": {bye}, "state": {"s"}}
	press := func(site string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, pathEndHere, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", site)
		return w.send("owner", r)
	}
	if answer := press("cross-site"); answer.Code != http.StatusForbidden || !w.sessions["owner"].Live(w.now) {
		t.Errorf("pressed by another site: %d", answer.Code)
	}
	if answer := press("same-origin"); answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), bye+"?state=s") || w.sessions["owner"].Live(w.now) {
		t.Errorf("%d: %s", answer.Code, answer.Body)
	}
}

func TestNobodyIsSentToAnUndeclaredPlaceAfterwards(t *testing.T) {
	w := newWorld(t)
	for _, q := range []url.Values{
		{"client_id": {"erp"}, "post_logout_redirect_uri": {"https://evil.example.net/"}},
		{"client_id": {"erp"}, "post_logout_redirect_uri": {bye + "/"}},
		{"post_logout_redirect_uri": {bye}},
	} {
		answer := w.end("", q)
		if answer.Code != http.StatusBadRequest || answer.Header().Get("Location") != "" || strings.Contains(answer.Body.String(), "evil") {
			t.Errorf("%v: %d to %q", q, answer.Code, answer.Header().Get("Location"))
		}
	}
}

func TestAFormOfAProgramThatEndsASession(t *testing.T) {
	w := newWorld(t)
	r := httptest.NewRequest(http.MethodPost, pathEnd, strings.NewReader("client_id=erp"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if answer := w.send("owner", r); answer.Header().Get("Location") != pathEnd+"?client_id=erp" {
		t.Errorf("%d to %q", answer.Code, answer.Header().Get("Location"))
	}
}

// told runs what runs by itself, once.
func (w *world) told() {
	w.t.Helper()
	for _, f := range []func(context.Context) error{w.p.sweep, w.p.walk, w.p.tellAll} {
		if err := f(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestTheProgramIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		end func(w *world)
		why string
	}{
		"logout":      {func(w *world) { w.endSession("owner", "logout") }, "session_over"},
		"expired":     {func(w *world) { w.now = start.Add(240 * time.Hour) }, "session_over"},
		"role gone":   {func(w *world) { w.persons["p_owner"] = access.Person{ID: "p_owner"} }, "role_gone"},
		"person gone": {func(w *world) { delete(w.persons, "p_owner") }, "person_gone"},
		"another door": {func(w *world) {
			c := w.clients["erp"]
			c.Doors = []access.Door{access.DoorQR}
			w.clients["erp"] = c
		}, "session_changed"},
		"another tenant": {func(w *world) {
			c := w.clients["erp"]
			c.TenantID = "other"
			w.clients["erp"] = c
		}, "role_gone"},
	} {
		w := newWorld(t)
		_, _, id := w.tokens("owner")
		w.told()
		if len(w.posted) != 0 || !w.only().EndedAt.IsZero() {
			t.Fatalf("%s: told before anything ended", name)
		}
		w.now = w.now.Add(walkEvery)
		tt.end(w)
		w.told()
		var out logoutToken
		if len(w.posted) != 1 {
			t.Errorf("%s: told %d times", name, len(w.posted))
		} else if err := w.Verify(t.Context(), w.posted[0], "logout+jwt", &out); err != nil {
			t.Error(name, err)
		}
		if _, ok := out.Events[logoutEvent]; !ok || out.Session != id.Session || out.Subject != id.Subject || out.Audience != "erp" || out.ID == "" || out.Expires <= out.Issued {
			t.Errorf("%s: %+v", name, out)
		}
		if l := w.only(); l.EndedWhy != tt.why || !l.LogoutDue.IsZero() {
			t.Errorf("%s: login %+v", name, l)
		}
		w.told()
		if len(w.posted) > 1 {
			t.Errorf("%s: told again", name)
		}
	}
}

func TestAProgramThatDoesNotListen(t *testing.T) {
	w := newWorld(t)
	w.tokens("owner")
	w.endSession("owner", "logout")
	w.channel = func() (int, http.Header) {
		return http.StatusFound, http.Header{"Location": {"https://elsewhere.example.net/"}}
	}
	for i := range len(again) + 1 {
		w.told()
		w.told() // not before its time
		if len(w.posted) != i+1 {
			t.Fatalf("after %v: told %d times, want %d", w.now.Sub(start), len(w.posted), i+1)
		}
		if i < len(again) {
			w.now = w.now.Add(again[i])
		}
	}
	w.now = w.now.Add(24 * time.Hour)
	w.told()
	if last := w.entries[len(w.entries)-1]; len(w.posted) != len(again)+1 || last.Action != "oidc.logout" || last.Reason != "gave_up" || !w.only().LogoutDue.IsZero() {
		t.Errorf("told %d times, last entry %+v", len(w.posted), last)
	}
	if w.posted[0] == w.posted[1] {
		t.Error("a logout token was sent twice")
	}
	if !strings.Contains(w.log.String(), "answered 302") || strings.Contains(w.log.String(), "elsewhere") {
		t.Errorf("log: %s", &w.log)
	}
}

func TestNobodyIsToldOfACodeThatWasNotUsed(t *testing.T) {
	w := newWorld(t)
	w.code("owner", nil)
	w.endSession("owner", "logout")
	w.told()
	if len(w.posted) > 0 || w.only().EndedAt.IsZero() {
		t.Errorf("told %d times, login %+v", len(w.posted), w.only())
	}
}

func TestAProgramThatIsGoneIsNotTold(t *testing.T) {
	w := newWorld(t)
	w.tokens("owner")
	w.endSession("owner", "logout")
	if err := w.p.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	delete(w.clients, "erp")
	w.told()
	if len(w.posted) > 0 {
		t.Error("told")
	}
}

func TestRunGoesOnWithoutADatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.tokens("owner")
		w.err = errors.New("away")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); w.p.Run(ctx) }()
		time.Sleep(3 * sweepEvery)
		synctest.Wait()
		if strings.Count(w.log.String(), "goes on trying") != 1 {
			t.Errorf("log: %s", &w.log)
		}
		cancel()
		<-done
		w.err = nil
		w.endSession("owner", "logout")
		ctx, cancel = context.WithCancel(t.Context())
		done = make(chan struct{})
		go func() { defer close(done); w.p.Run(ctx) }()
		synctest.Wait()
		cancel()
		<-done
		if len(w.posted) != 1 {
			t.Errorf("told %d times", len(w.posted))
		}
	})
}

// TestSlowProgramsHoldUpNoEnd: after a batch that took its time it is others' turn.
func TestSlowProgramsHoldUpNoEnd(t *testing.T) {
	w := newWorld(t)
	for range tellBatch + 1 {
		w.tokens("owner")
	}
	for id, l := range w.logins {
		l.EndedAt, l.LogoutDue = w.now, w.now
		w.logins[id] = l
	}
	w.channel = func() (int, http.Header) {
		if len(w.posted) == tellBatch {
			w.now = w.now.Add(sendTime)
		}
		return http.StatusOK, nil
	}
	for _, want := range []int{tellBatch, tellBatch + 1} {
		if err := w.p.tellAll(t.Context()); err != nil || len(w.posted) != want {
			t.Errorf("%d are told, want %d: %v", len(w.posted), want, err)
		}
	}
}

func TestOptionsAreRequired(t *testing.T) {
	if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "required") {
		t.Error(err)
	}
}
