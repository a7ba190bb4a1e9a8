package people_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
)

func TestOwnersTurnLettersOffAndOn(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.join("p_boss", "小周", "", access.Owner)
	r.join("p_op", "小李", "lantian", access.Operator)
	lacks(t, r.as("p_op").get("/me"), "/me/letters")
	r.as("p_boss")
	contains(t, r.get("/me"), "/me/letters", "Send me none")
	for _, want := range []bool{false, true} {
		form := url.Values{}
		if want {
			form.Set("on", "1")
		}
		r.posts(http.StatusSeeOther, "/me/letters", form)
		_, on, err := r.store.Letters(t.Context(), "p_boss", 1)
		if err != nil || on != want {
			t.Fatalf("letters are on: %v (%v), want %v", on, err, want)
		}
	}
	r.as("p_boss").posts(http.StatusSeeOther, "/me/letters", nil)
	contains(t, r.get("/me"), "Send me messages again")
	contains(t, r.posts(http.StatusOK, "/me/export", nil), `"letters_on": false`)
}
