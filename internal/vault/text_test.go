package vault

import (
	"strings"
	"testing"
)

type note struct {
	To string `json:"to"`
}

// A text opens for its own place only, whole, and as one kind of value.
func TestTexts(t *testing.T) {
	v, _ := testVault(t)
	text, err := SealText(v, cell, note{To: "/orders?a=1&b=2"})
	if err != nil {
		t.Fatal(err)
	}
	var got note
	if !OpenText(v, cell, text, len(text), &got) || got.To != "/orders?a=1&b=2" {
		t.Errorf("opened to %+v", got)
	}
	more, err := SealText(v, cell, map[string]string{"to": "/", "more": "x"})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		cell Cell
		text string
		max  int
	}{
		"another place":    {Cookie("zg_session"), text, len(text)},
		"too long":         {cell, text, len(text) - 1},
		"cut":              {cell, text[:len(text)-1], len(text)},
		"padded":           {cell, text + "=", len(text) + 2},
		"changed":          {cell, strings.ToUpper(text), len(text)},
		"nothing":          {cell, "", 10},
		"a field too many": {cell, more, len(more)},
	} {
		if OpenText(v, tt.cell, tt.text, tt.max, &note{}) {
			t.Errorf("%s: opened", name)
		}
	}
	if _, err := SealText(v, cell, make(chan int)); err == nil {
		t.Error("sealed what is no JSON")
	}
}
