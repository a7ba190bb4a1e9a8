package main

import (
	"bytes"
	"testing"
)

// TestATableIsText: what strangers call themselves makes no rows, no columns and no
// colours.
func TestATableIsText(t *testing.T) {
	var out bytes.Buffer
	c := console{out: &out}
	if err := c.table("ID NAME", [][]string{{"tea", "茶\x1b[2J\x1b]0;x\a\r\nlantian  owner\tadmin\u202e"}, {"silk", "丝"}}); err != nil {
		t.Fatal(err)
	}
	if want := "ID    NAME\ntea   茶[2J]0;x  lantian  owner admin\nsilk  丝\n"; out.String() != want {
		t.Errorf("table\n%q, want\n%q", out.String(), want)
	}
}
