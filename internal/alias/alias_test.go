package alias_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/alias"
)

var now = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

// macOf is a vault with a root key of its own.
func macOf(root string) func(string, []byte) []byte {
	return func(purpose string, data []byte) []byte {
		h := hmac.New(sha256.New, []byte(root+"\x00"+purpose+"\x00"))
		h.Write(data)
		return h.Sum(nil)
	}
}

func nameOf(key, shop string) alias.Name {
	return alias.Name{Kind: alias.Shop, KeyHash: string(access.HashKey(key)), ID: shop}
}

// TestEveryReplicaReadsIt: with the same keyset, nothing else is needed.
func TestEveryReplicaReadsIt(t *testing.T) {
	n := nameOf("zgc_A", "lantian")
	text, left := alias.New(macOf("one")).Make(n, now)
	if got, err := alias.New(macOf("one")).Read(text.RevealString(), now.Add(left-1)); err != nil || got != n {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := alias.New(macOf("two")).Read(text.RevealString(), now); !errors.Is(err, alias.ErrForged) {
		t.Errorf("another keyset reads it: %v", err)
	}
	if form := regexp.MustCompile(`^zgt_[A-Za-z0-9_-]{60,}$`); !form.MatchString(text.RevealString()) || len(text.RevealString()) >= 512 {
		t.Errorf("an alias of %d characters in an odd form", len(text.RevealString()))
	}
}

// TestTheLongestNameFits: the limit of the length lets every id through.
func TestTheLongestNameFits(t *testing.T) {
	m := alias.New(macOf("one"))
	n := nameOf("zgc_A", strings.Repeat("s", 128))
	text, _ := m.Make(n, now)
	if got, err := m.Read(text.RevealString(), now); err != nil || got != n || len(text.RevealString()) >= 512 {
		t.Errorf("%d characters: %v", len(text.RevealString()), err)
	}
}

// TestLifeFallsAndNeverNearsItsEnd: one alias for nearly two hours, then the
// next, and for five minutes both.
func TestLifeFallsAndNeverNearsItsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := alias.New(macOf("one"))
		n := nameOf(fmt.Sprint("zgc_", rapid.IntRange(0, 1000).Draw(t, "key")), "lantian")
		at := now.Add(time.Duration(rapid.Int64Range(0, int64(48*time.Hour)).Draw(t, "at")))
		first, left := m.Make(n, at)
		if left < alias.Overlap || left > alias.Life {
			t.Fatalf("%v left", left)
		}
		d := time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "later"))
		second, leftThen := m.Make(n, at.Add(d))
		same := first.RevealString() == second.RevealString()
		if want := left-d > alias.Overlap; same != want && left-d != alias.Overlap {
			t.Fatalf("%v later with %v left: the same %t", d, left-d, same)
		}
		if same && leftThen != left-d {
			t.Fatalf("it lives %v, then %v", left, leftThen)
		}
		_, err := m.Read(first.RevealString(), at.Add(d))
		if live := d < left; live != (err == nil) || !live && !errors.Is(err, alias.ErrEnded) {
			t.Fatalf("%v after it was made with %v to live: %v", d, left, err)
		}
	})
}

// TestSpansBeginApart: not everybody comes for a new one at once.
func TestSpansBeginApart(t *testing.T) {
	m, ends := alias.New(macOf("one")), map[time.Duration]bool{}
	for i := range 100 {
		_, left := m.Make(nameOf("zgc_A", fmt.Sprint("shop", i)), now)
		ends[left.Round(time.Minute)] = true
	}
	if len(ends) < 30 {
		t.Errorf("100 aliases end in %d different minutes", len(ends))
	}
}

// TestAnotherKeyIsAnotherAlias: so a new key ends the old one's aliases.
func TestAnotherKeyIsAnotherAlias(t *testing.T) {
	m := alias.New(macOf("one"))
	seen := map[string]bool{}
	for _, n := range []alias.Name{
		nameOf("zgc_A", "lantian"), nameOf("zgc_B", "lantian"), nameOf("zgc_A", "baiyun"),
		{Kind: alias.Platform, KeyHash: string(access.HashKey("zgc_A")), ID: "lantian"},
	} {
		text, _ := m.Make(n, now)
		seen[text.RevealString()] = true
		if got, err := m.Read(text.RevealString(), now); err != nil || got != n {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if len(seen) != 4 {
		t.Errorf("4 names have %d aliases", len(seen))
	}
}

// TestNoBitCanBeChanged: every bit of an alias is looked at.
func TestNoBitCanBeChanged(t *testing.T) {
	m := alias.New(macOf("one"))
	text, _ := m.Make(nameOf("zgc_A", "lantian"), now)
	body, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text.RevealString(), alias.Prefix))
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(body) * 8 {
		body[i/8] ^= 1 << (i % 8)
		if _, err := m.Read(alias.Prefix+base64.RawURLEncoding.EncodeToString(body), now); !errors.Is(err, alias.ErrForged) {
			t.Errorf("bit %d changed: %v", i, err)
		}
		body[i/8] ^= 1 << (i % 8)
	}
}

func TestNoAliases(t *testing.T) {
	m := alias.New(macOf("one"))
	text, left := m.Make(nameOf("zgc_A", "lantian"), now)
	good := text.RevealString()
	for name, bad := range map[string]string{
		"nothing":         "",
		"a real token":    "88_wDKvhZGh0h7nHQSVKTTQtJJoUpkbFtUAr6oIDZ7oFJJR1",
		"a client key":    "zgc_WRITE00000000000000000001",
		"the prefix":      alias.Prefix,
		"cut":             good[:len(good)-1],
		"longer":          good + "A",
		"padded":          good + "=",
		"a space":         good + " ",
		"no prefix":       strings.TrimPrefix(good, alias.Prefix),
		"another prefix":  "zgc_" + strings.TrimPrefix(good, alias.Prefix),
		"upper case":      strings.ToUpper(good),
		"a megabyte":      alias.Prefix + strings.Repeat("A", 1<<20),
		"no tag, no name": alias.Prefix + base64.RawURLEncoding.EncodeToString(make([]byte, 54)),
	} {
		if _, err := m.Read(bad, now); !errors.Is(err, alias.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, at := range map[string]time.Time{
		"long before it was made": now.Add(-3 * time.Hour),
		"the day after":           now.Add(left + 25*time.Hour),
	} {
		if _, err := m.Read(good, at); !errors.Is(err, alias.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTextsHaveOneForm: what does not encode to itself is refused, so that one
// alias has one text.
func TestTextsHaveOneForm(t *testing.T) {
	m := alias.New(macOf("one"))
	for _, id := range []string{"a", "ab", "abc"} {
		text, _ := m.Make(nameOf("zgc_A", id), now)
		good, last := text.RevealString(), byte(0)
		for c := range byte(128) {
			if _, err := m.Read(good[:len(good)-1]+string(rune(c)), now); err == nil {
				last++
			}
		}
		if last != 1 {
			t.Errorf("id %q: %d texts are one alias", id, last)
		}
	}
}

// TestHandles: the same for ever, and for one client and platform only.
func TestHandles(t *testing.T) {
	m := alias.New(macOf("one"))
	h := m.Handle("erp", "platform", "wx00000000000000c1")
	if h != alias.New(macOf("one")).Handle("erp", "platform", "wx00000000000000c1") || !strings.HasPrefix(h, alias.HandlePrefix) {
		t.Errorf("handle %q", h)
	}
	if appID, ok := m.ReadHandle(h, "erp", "platform"); !ok || appID != "wx00000000000000c1" {
		t.Errorf("%q, %t", appID, ok)
	}
	for name, ok := range map[string]func() (string, bool){
		"another client":    func() (string, bool) { return m.ReadHandle(h, "crm", "platform") },
		"another platform":  func() (string, bool) { return m.ReadHandle(h, "erp", "other") },
		"another keyset":    func() (string, bool) { return alias.New(macOf("two")).ReadHandle(h, "erp", "platform") },
		"a shifted border":  func() (string, bool) { return m.ReadHandle(h, "erpp", "latform") },
		"cut":               func() (string, bool) { return m.ReadHandle(h[:len(h)-1], "erp", "platform") },
		"nothing":           func() (string, bool) { return m.ReadHandle("", "erp", "platform") },
		"WeChat's own form": func() (string, bool) { return m.ReadHandle("refreshtoken@@@abcdefgh", "erp", "platform") },
		"too long": func() (string, bool) {
			return m.ReadHandle(alias.HandlePrefix+strings.Repeat("A", 1<<20), "erp", "platform")
		},
	} {
		if _, good := ok(); good {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestFormIsFrozen: replicas of two versions take each other's, and programs keep
// handles for years.
func TestFormIsFrozen(t *testing.T) {
	m := alias.New(macOf("one"))
	text, left := m.Make(nameOf("zgc_A", "lantian"), now)
	const wantAlias = "zgt_AXNppBVwNAnZC0UsicoM0ApcZ-8Viy3veZcrv9pwl0_kx7yGa0lsYW50aWFuhOPnaQHV0QcifIfka495vg"
	if text.RevealString() != wantAlias || left != 91*time.Minute+12*time.Second {
		t.Errorf("alias %s, %v left", text.RevealString(), left)
	}
	const wantHandle = "zgh_mLs5JBOS-QXHy-buTVsVJXd4MDAwMDAwMDAwMDAwMDBjMQ"
	if h := m.Handle("erp", "platform", "wx00000000000000c1"); h != wantHandle {
		t.Errorf("handle %s", h)
	}
}

// FuzzRead: nothing that was not made is taken, whatever it is.
func FuzzRead(f *testing.F) {
	m := alias.New(macOf("one"))
	n := nameOf("zgc_A", "lantian")
	text, _ := m.Make(n, now)
	f.Add(text.RevealString())
	f.Add(text.RevealString() + "\n")
	f.Add(alias.Prefix)
	f.Add(m.Handle("erp", "platform", "wx00000000000000c1"))
	f.Fuzz(func(t *testing.T, s string) {
		if got, err := m.Read(s, now); (err == nil) != (s == text.RevealString()) || err == nil && got != n {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
		if appID, ok := m.ReadHandle(s, "erp", "platform"); ok && m.Handle("erp", "platform", appID) != s {
			t.Errorf("%q is a handle of %q, whose handle is another", s, appID)
		}
	})
}

func BenchmarkMake(b *testing.B) {
	m, n := alias.New(macOf("one")), nameOf("zgc_A", "lantian")
	for b.Loop() {
		m.Make(n, now)
	}
}

func BenchmarkRead(b *testing.B) {
	m := alias.New(macOf("one"))
	text, _ := m.Make(nameOf("zgc_A", "lantian"), now)
	s := text.RevealString()
	for b.Loop() {
		if _, err := m.Read(s, now); err != nil {
			b.Fatal(err)
		}
	}
}
