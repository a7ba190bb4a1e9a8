package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/store/storetest"
)

var tips = map[string]string{
	"too small":       "UPDATE audit_head SET size = 1",
	"too large":       "UPDATE audit_head SET size = size + 1",
	"negative":        "UPDATE audit_head SET size = -1",
	"gone":            "DELETE FROM audit_head",
	"another root":    "UPDATE audit_head SET root = zeroblob(32)",
	"entries cut off": "DELETE FROM audit_entries WHERE seq > 0",
}

func TestHeadRowThatDisagreesIsNamedAtTheStart(t *testing.T) {
	for name, statement := range tips {
		t.Run(name, func(t *testing.T) {
			path := database(t)
			edit(t, path, statement)
			_, err := Open(t.Context(), path, Options{})
			if !errors.Is(err, sqlstore.ErrTip) || !strings.Contains(err.Error(), "audit verify") || !strings.Contains(err.Error(), "backup") {
				t.Errorf("got error %v, want %v with what to do", err, sqlstore.ErrTip)
			}
		})
	}
}

func TestHeadRowThatDisagreesStopsWriting(t *testing.T) {
	for name, statement := range tips {
		if name == "another root" {
			continue // the next write puts it right
		}
		t.Run(name, func(t *testing.T) {
			path := database(t)
			s := newStore(t, path, Options{})
			defer closeStore(t, s)
			edit(t, path, statement)
			err := s.Declare(t.Context(), storetest.ManyShops(1, 51, start), appended())
			if !errors.Is(err, sqlstore.ErrTip) || strings.Contains(err.Error(), "UNIQUE") {
				t.Errorf("got error %v, want %v", err, sqlstore.ErrTip)
			}
			if shops, err := s.Shops(t.Context()); err != nil || len(shops) != 50 {
				t.Errorf("%d shops after the refusal, %v; want the 50 from before", len(shops), err)
			}
		})
	}
}

func TestRowPutBackIsFound(t *testing.T) {
	path := database(t)
	s := newStore(t, path, Options{})
	c, err := s.ClaimDue(t.Context(), grant.ClaimRequest{Owner: "test", Now: start, For: 1, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	id := c[0].Grant.ID
	edit(t, path, "CREATE TABLE kept AS SELECT * FROM grants WHERE id = '"+id+"'")
	if err := s.Revoke(t.Context(), grant.Effects{At: start, Revoke: []grant.Revocation{{GrantID: id}}}); err != nil {
		t.Fatal(err)
	}
	edit(t, path, "INSERT OR REPLACE INTO grants SELECT * FROM kept")
	found, err := s.CheckGrants(t.Context())
	if err != nil || len(found) != 1 || found[0].Grant() != id || found[0].Kind != audit.GrantDisagrees {
		t.Fatalf("found %v, %v; want %s", found, err, id)
	}
	edit(t, path, "UPDATE grants SET digest = 'believe me', generation = 1, state = 'active', due_at = 1 WHERE id = '"+id+"'")
	if found, err = s.CheckGrants(t.Context()); err != nil || len(found) != 1 {
		t.Fatalf("after edits: found %v, %v; want %s", found, err, id)
	}
	if err := s.EndPutBack(t.Context(), start, found...); err != nil {
		t.Fatal(err)
	}
	edit(t, path, "DROP TABLE kept")
	closeStore(t, s)
	s = newStore(t, path, Options{})
	defer closeStore(t, s)
	if g, err := s.Grant(t.Context(), id); err != nil || g.State != grant.Revoked || g.Tokens.Generation != 2 {
		t.Errorf("grant %+v, %v; want it revoked in generation 2", g, err)
	}
}

// What stands in the place of the database and is not ours keeps its mode and
// its bytes.
func TestStrangersFilesStayAsTheyAre(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(path string) error
		want error // nil: in words of SQLite
	}{
		{"text", func(path string) error {
			return os.WriteFile(path, []byte("not a database, and long enough to have a header: "+strings.Repeat("x", 100)), 0o644)
		}, nil},
		{"another program's database", func(path string) error {
			edit(t, path, "CREATE TABLE notes (body TEXT)")
			return os.Chmod(path, 0o644)
		}, errForeign},
		{"a database without a mark", func(path string) error { edit(t, path, "VACUUM"); return os.Chmod(path, 0o644) }, errForeign},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "zhanggui.db")
			if err := c.make(path); err != nil {
				t.Fatal(err)
			}
			refusedUntouched(t, path, path, c.want)
		})
	}
}

func TestLinksAndDirectoriesAreRefused(t *testing.T) {
	dir := t.TempDir()
	target := filepath.Join(dir, "precious")
	if err := os.WriteFile(target, []byte("somebody's own"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, place := range map[string]func(path string) error{
		"link":          func(path string) error { return os.Symlink(target, path) },
		"dangling link": func(path string) error { return os.Symlink(target+".absent", path) },
		"link for lock": func(path string) error { return os.Symlink(target, path+".lock") },
		"directory":     func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "zhanggui.db")
			if err := place(path); err != nil {
				t.Fatal(err)
			}
			refusedUntouched(t, path, target, errKind)
			if _, err := os.Lstat(target + ".absent"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("opening made the target: %v", err)
			}
			if name == "link for lock" {
				return // verifying takes no lock
			}
			if _, err := OpenAudit(t.Context(), path); !errors.Is(err, errKind) {
				t.Errorf("audit log: got error %v, want %v", err, errKind)
			}
		})
	}
}

// refusedUntouched wants path refused and target as it was.
func refusedUntouched(t *testing.T, path, target string, want error) {
	t.Helper()
	before, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, Options{}); err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
	info, err := os.Stat(target)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode after the refusal: %v, %v; want 644", info.Mode(), err)
	}
	if after, err := os.ReadFile(target); err != nil || string(after) != string(before) {
		t.Errorf("the refusal changed the file: %v", err)
	}
}
