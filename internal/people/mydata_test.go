package people_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
)

// The file holds everything of the person, nothing of others, and no hash.
func TestExportMyData(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小李", "lantian", access.Operator)
	r.as("p_boss").posts(http.StatusSeeOther, "/shops/lantian/people/p_op", url.Values{"role": {"viewer"}, "was": {"operator"}})
	r.as("p_op")
	contains(t, r.get("/me"), "小李", "p_op", "/me/export", "/me/delete", "/withdraw", "/sessions")
	rec := r.posts(http.StatusOK, "/me/export", nil)
	if d := rec.Header().Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") {
		t.Errorf("disposition %q", d)
	}
	var got struct {
		Person, Nickname string
		Identities       []struct{ App, OpenID string }
		Roles            []struct{ Tenant, Shop, Role string }
		Sessions         []struct{ ID, Device string }
		Consents         []struct{ Tenant, Version string }
		Entries          []struct{ Action string } `json:"audit_entries"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Person != "p_op" || got.Nickname != "小李" || len(got.Identities) != 1 || got.Identities[0].OpenID != "o_demo_p_op" ||
		len(got.Roles) != 1 || got.Roles[0].Role != "viewer" || len(got.Sessions) != 1 || len(got.Consents) != 1 {
		t.Errorf("got %+v", got)
	}
	actions := map[string]bool{}
	for _, e := range got.Entries {
		actions[e.Action] = true
	}
	if !actions["member.change"] || !actions["person.export"] {
		t.Errorf("entries %v", actions)
	}
	if strings.Contains(rec.Body.String(), "o_demo_p_boss") || strings.Contains(rec.Body.String(), "Hash") {
		t.Error("there is more than the person's own")
	}
	if len(r.entries("person.export")) != 1 {
		t.Error("it was not recorded")
	}
}

// Deletion asks again, and then nothing leads to the person any more.
func TestDeleteMyData(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小李", "lantian", access.Operator)
	r.as("p_op")
	lacks(t, r.get("/me/delete"), `name="keep"`)
	r.posts(http.StatusConflict, "/me/delete", nil)
	if !r.live("p_op") || r.role("p_op") == "" {
		t.Fatal("deleted without a yes")
	}
	if r.forgot {
		t.Error("the browser forgets what is not deleted")
	}
	r.posts(http.StatusOK, "/me/delete", url.Values{"yes": {"1"}})
	if !r.forgot {
		t.Error("the browser remembers who was deleted")
	}
	if r.live("p_op") || r.role("p_op") != "" {
		t.Error("the session or the role goes on")
	}
	d, err := r.store.PersonData(t.Context(), "p_op")
	r.must(err)
	if d.Person.Profile.Nickname != "" || len(d.Identities)+len(d.Sessions)+len(d.Consents) != 0 {
		t.Errorf("left: %+v", d)
	}
	lacks(t, r.as("p_boss").get("/shops/lantian"), "小李", "p_op")
	if len(r.entries("person.forget")) != 1 {
		t.Error("it was not recorded")
	}
}

// The last owner is told by name what that means, and must say yes to it.
func TestLastOwnerDeletes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.as("p_boss")
	contains(t, r.get("/me/delete"), "蓝天文具", `name="keep" value="lantian/"`)
	rec := r.posts(http.StatusConflict, "/me/delete", url.Values{"yes": {"1"}})
	contains(t, rec, "蓝天文具")
	if !r.live("p_boss") {
		t.Fatal("deleted without a yes to it")
	}
	contains(t, r.posts(http.StatusOK, "/me/delete", url.Values{"yes": {"1"}, "keep": {"lantian/"}}), word(t, "zh-CN", "people.deleted.owner"))
	if r.role("p_boss") != access.Owner || r.live("p_boss") {
		t.Errorf("role %q, live %v", r.role("p_boss"), r.live("p_boss"))
	}
}

func TestMyDataIsMine(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	for _, path := range []string{"/me/export", "/me/delete"} {
		r.as("").posts(http.StatusUnauthorized, path, url.Values{"yes": {"1"}})
		r.as("p_boss").old = true
		r.posts(http.StatusForbidden, path, url.Values{"yes": {"1"}, "keep": {"lantian/"}})
	}
	if !r.live("p_boss") || len(r.entries("person.export")) != 0 {
		t.Error("something happened")
	}
}
