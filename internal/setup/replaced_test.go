package setup_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// TestReplacedSecrets: what a rotation replaced does not come back with a file that
// was not brought up to date, unless somebody says that it shall.
func TestReplacedSecrets(t *testing.T) {
	r := newRig(t)
	r.apply(t, manifest(), setup.Options{})
	rotated := manifest()
	rotated.Apps[0].Secret, rotated.Shops[0].Secret = secret.FromString("service-secret-2"), secret.FromString("shop-secret-2")
	r.apply(t, rotated, setup.Options{})
	for app, plain := range map[string]string{"fuwuhao": "service-secret", "shop-lantian": "shop-secret"} {
		r.dir.rotations = append(r.dir.rotations, access.Rotation{ID: "rot_" + app, Subject: app, NewSeen: start,
			Replaced: access.ReplacedSecret(r.vault.MAC, app, secret.FromString(plain))})
	}
	revision := r.dir.revision

	_, err := r.Apply(t.Context(), manifest(), operator, setup.Options{})
	invalid, ok := errors.AsType[*setup.InvalidError](err)
	if !ok || len(invalid.Problems) != 2 || r.dir.revision != revision {
		t.Fatalf("got %v at revision %d, want a refusal of two secrets at %d", err, r.dir.revision, revision)
	}
	for i, want := range []string{`app "fuwuhao"`, `shop "lantian"`} {
		if p := invalid.Problems[i]; !strings.HasPrefix(p, want) || !strings.Contains(p, "2026-03-01") || !strings.Contains(p, "--old-secrets") || strings.Contains(p, "service-secret") {
			t.Errorf("refused with %q", p)
		}
	}
	plan := r.apply(t, manifest(), setup.Options{DryRun: true})
	if !slices.Equal(ops(plan), []string{"change app fuwuhao secret", "change shop lantian secret"}) || plan.Changes[0].Warning == "" || plan.Changes[1].Warning == "" {
		t.Errorf("the plan is %+v", plan.Changes)
	}

	swapped := rotated
	swapped.Apps = slices.Clone(rotated.Apps)
	swapped.Apps[0].Secret = secret.FromString("shop-secret") // replaced, of another app
	if done := r.apply(t, swapped, setup.Options{}); done.Changes[0].Warning != "" {
		t.Errorf("another app's: %+v", done.Changes)
	}
	done := r.apply(t, manifest(), setup.Options{OldSecrets: true})
	if len(done.Changes) != 2 || done.Changes[1].Warning == "" {
		t.Errorf("wanted all the same: %+v", done.Changes)
	}
	if e := r.dir.entries[len(r.dir.entries)-1]; e.Details["replaced_by"] != "rot_shop-lantian" || e.Details["fields"] != "[secret]" {
		t.Errorf("the log says %+v", e)
	}
	if again := r.apply(t, manifest(), setup.Options{}); len(again.Changes) != 0 {
		t.Errorf("what is in use is refused: %+v", again.Changes)
	}

	r.apply(t, rotated, setup.Options{})
	one, err := r.ChangeShop(t.Context(), "lantian", func(s *setup.Shop) error { s.Secret = secret.FromString("shop-secret"); return nil }, operator)
	if err != nil || len(one.Changes) != 1 || one.Changes[0].Warning == "" {
		t.Errorf("changed alone: %+v, %v", one.Changes, err)
	}
	r.dir.lost = errors.New("the store is away")
	if _, err := r.Apply(t.Context(), rotated, operator, setup.Options{OldSecrets: true}); !errors.Is(err, r.dir.lost) {
		t.Errorf("without the store: %v", err)
	}
}
