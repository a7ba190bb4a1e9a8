package adminapi

import "testing"

// FuzzCursor: whatever is sent as a cursor is refused, or is one that we made.
func FuzzCursor(f *testing.F) {
	for _, text := range []string{"", cursor("list", "a", "b"), cursor("list", "", ""), cursor("other", "a", "b"), cursor("list", "a"), "AA==", "\x00", "bGlzdABh/2I"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := Page{After: text}
		parts, err := p.place("list", 2)
		switch {
		case err != nil:
			if len(parts) != 0 {
				t.Errorf("%q is refused and gives %q", text, parts)
			}
		case len(parts) != 2 || text != "" && cursor("list", parts...) != text:
			t.Errorf("%q gives %q", text, parts)
		}
		if _, err := p.mark("list"); err == nil && text != "" {
			if m, _ := p.mark("list"); m.ID != parts[1] {
				t.Errorf("%q is a place of %q", text, m.ID)
			}
		}
		if n, err := p.number(-1); err == nil && n < -1 {
			t.Errorf("%q is number %d", text, n)
		}
	})
}
