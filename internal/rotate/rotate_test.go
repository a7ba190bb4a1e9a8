package rotate_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/config"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/rotate"
	"github.com/zhanggui/zhanggui/internal/setup"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
}

// shopApp is the shop's own app.
func (w *world) shopApp() access.App {
	w.t.Helper()
	a, err := w.store.App(w.t.Context(), "shop-lantian")
	w.must(err)
	return a
}

// inUse opens the AppSecret that is in use.
func (w *world) inUse() string {
	w.t.Helper()
	a := w.shopApp()
	v, err := w.vault.Open(a.Secret, vault.AppSecret(a.ID, a.SecretVersion))
	w.must(err)
	return v.RevealString()
}

// appSecret is the rotation that most tests make.
var appSecret = rotate.Start{Kind: access.RotateAppSecret, Subject: "lantian"}

func TestWrongSecrets(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b := w.begin(appSecret)
		for code, text := range map[string]string{
			"secret-same": shopSecret, "secret-wrong": strings.Repeat("0", 32), "secret-form": "with a space",
			"secret-of-another": "sandbox-secret-service-account-1",
		} {
			_, err := w.rotate.Take(t.Context(), operator, b.ID, secret.FromString(text))
			w.refuses(code, err)
			if strings.Contains(err.Error(), text) {
				t.Errorf("the refusal of %s repeats the secret", code)
			}
		}
		w.stands(b.ID, access.RotationWaits)
		if w.inUse() != shopSecret || w.grant().State != grant.Active {
			t.Error("a wrong secret changed something")
		}
	})
}

// TestTaken: a secret that cannot be proved is kept, and proved when WeChat answers.
func TestTaken(t *testing.T) {
	t.Parallel()
	for name, right := range map[string]bool{"right": true, "wrong": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				b := w.begin(appSecret)
				plain := w.reset(shopAppID)
				if !right {
					plain = secret.FromString(strings.Repeat("0", 32))
				}
				w.away = true
				_, err := w.rotate.Take(t.Context(), operator, b.ID, plain)
				w.must(err)
				w.stands(b.ID, access.RotationTaken)
				other, waits, err := w.rotate.OtherSecret(t.Context(), "shop-lantian")
				if err != nil || !waits || !other.Equal(plain) {
					t.Fatalf("the keeper is told of another secret: %v, that it waits: %v, %v", !other.IsZero(), waits, err)
				}
				w.look()
				w.stands(b.ID, access.RotationTaken)
				time.Sleep(time.Minute)
				w.away = false
				w.look()
				if !right {
					if r := w.stands(b.ID, access.RotationWaits); r.Why != "refused" || len(r.Next) > 0 {
						t.Errorf("the refused secret left %+v", r)
					}
					return
				}
				w.stands(b.ID, access.RotationOverlap)
				if w.inUse() != plain.RevealString() {
					t.Error("the proved secret is not in use")
				}
			})
		})
	}
}

// TestReplaced: a manifest with the secret before does not undo a rotation; one that
// went back is undone by nothing.
func TestReplaced(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		apply := func(plain string) error {
			m := setup.Manifest{Apps: []setup.App{{ID: "fuwuhao", Kind: access.ServiceAccount, AppID: "wx00000000000000a1",
				CallbackHost: "zhanggui.example.com", Secret: secret.FromString(plain)}}}
			_, err := setup.New(w.store, w.vault, time.Now, config.Rules{PublicHost: "zhanggui.example.com"}).Apply(t.Context(), m, operator, setup.Options{})
			return err
		}
		const before = "sandbox-secret-service-account-1"
		b := w.begin(rotate.Start{Kind: access.RotateAppSecret, Subject: "fuwuhao"})
		plain := w.reset("wx00000000000000a1")
		_, err := w.rotate.Take(t.Context(), operator, b.ID, plain)
		w.must(err)
		for range 2 {
			if err := apply(before); err == nil || !strings.Contains(err.Error(), b.ID) {
				t.Errorf("the old secret came back: %v", err)
			}
			w.must(apply(plain.RevealString()))
			time.Sleep(25 * time.Hour)
			w.look()
		}
		w.stands(b.ID, access.RotationDone)
	})
}

// TestUnprovable: a secret that cannot be proved for long is asked about less and less,
// whatever is restarted, and a human is told of it once.
func TestUnprovable(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{"shop-lantian", "fuwuhao"} {
		t.Run(subject, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				b := w.begin(rotate.Start{Kind: access.RotateAppSecret, Subject: subject})
				plain := secret.FromString(strings.Repeat("0", 32))
				w.away, w.asked = true, 0
				_, err := w.rotate.Take(t.Context(), operator, b.ID, plain)
				w.must(err)
				looks := func(d time.Duration) {
					for end := time.Now().Add(d); time.Now().Before(end); {
						time.Sleep(30 * time.Second)
						w.rotate = w.assistant()
						w.look()
					}
				}
				for _, step := range []struct {
					d     time.Duration
					asked int
					told  int
				}{{4 * time.Minute, 5, 0}, {12 * time.Minute, 7, 1}, {76 * time.Minute, 10, 1}} {
					looks(step.d)
					if told := len(w.told()); w.asked != step.asked || told != step.told {
						t.Errorf("after %v more: asked %d times, told %d, want %d and %d", step.d, w.asked, told, step.asked, step.told)
					}
				}
				if n := w.told()[0]; n.Kind != notice.RefreshFailing || n.Details["cause"] != "secret_unproved" || n.Details["rotation"] != b.ID {
					t.Errorf("told %+v", n)
				}
				_, err = w.rotate.Take(t.Context(), operator, b.ID, plain)
				w.must(err)
				if looks(time.Minute); w.asked != 13 {
					t.Errorf("entered again it was asked about %d times", w.asked-10)
				}
				_, err = w.rotate.Back(t.Context(), operator, b.ID)
				w.must(err)
				if told := w.told(); len(told) != 2 || told[1].Kind != notice.AlertOver || told[1].Subject != told[0].Subject {
					t.Errorf("told %+v", told)
				}
			})
		})
	}
}

// TestBack: the way back works while WeChat takes the old secret, and not after.
func TestBack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b := w.begin(appSecret)
		plain := w.reset(shopAppID)
		_, err := w.rotate.Take(t.Context(), operator, b.ID, plain)
		w.must(err)
		_, err = w.rotate.Back(t.Context(), operator, b.ID)
		w.refuses("no-way-back", err)
		w.stands(b.ID, access.RotationOverlap)
		w.must(w.sim.SetApp(shopAppID, func(a *appOfSim) { a.Secret = shopSecret })) // nobody promises that it cannot be
		time.Sleep(10 * time.Second)
		_, err = w.rotate.Back(t.Context(), operator, b.ID)
		w.must(err)
		if r := w.stands(b.ID, access.RotationBack); w.inUse() != shopSecret || len(r.Previous) > 0 {
			t.Errorf("after the way back the rotation keeps %d bytes", len(r.Previous))
		}
		_, err = w.rotate.Back(t.Context(), operator, b.ID)
		w.refuses("rotation-state", err)
	})
}

// TestGivenUp: a forgotten rotation does not hide a wrong secret for ever.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b := w.begin(appSecret)
		time.Sleep(23 * time.Hour)
		w.look()
		w.stands(b.ID, access.RotationWaits)
		time.Sleep(2 * time.Hour)
		w.look()
		if r := w.stands(b.ID, access.RotationBack); r.Why != "time_over" {
			t.Errorf("it ended because of %q", r.Why)
		}
		if _, waits, err := w.rotate.OtherSecret(t.Context(), "shop-lantian"); waits || err != nil {
			t.Errorf("the keeper still waits: %v, %v", waits, err)
		}
	})
}

// TestChangedElsewhere: what an apply changed meanwhile ends the rotation.
func TestChangedElsewhere(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b, p := w.begin(appSecret), w.begin(rotate.Start{Kind: access.RotatePushToken, Subject: "lantian"})
		plain := w.reset(shopAppID)
		_, err := setup.New(w.store, w.vault, time.Now, config.Rules{PublicHost: "zhanggui.example.com"}).ChangeShop(t.Context(), "lantian", func(s *setup.Shop) error {
			s.Secret = plain
			s.Push = access.PushKeys{Token: secret.FromString("another1"), AESKey: secret.FromString(aesKey)}
			return nil
		}, operator)
		w.must(err)
		_, err = w.rotate.Take(t.Context(), operator, b.ID, plain)
		w.refuses("changed-elsewhere", err)
		_, err = w.rotate.Finish(t.Context(), operator, p.ID, true)
		w.refuses("changed-elsewhere", err)
		w.look()
		if b, p := w.stands(b.ID, access.RotationBack), w.stands(p.ID, access.RotationBack); b.Why != "changed_elsewhere" || p.Why != b.Why {
			t.Errorf("they ended because of %q and %q", b.Why, p.Why)
		}
		if w.inUse() != plain.RevealString() {
			t.Error("the applied secret is not in use any more")
		}
	})
}

// TestPush: both open pushes until the old one was not seen for a day.
func TestPush(t *testing.T) {
	t.Parallel()
	for _, kind := range []access.RotationKind{access.RotatePushToken, access.RotateAESKey} {
		t.Run(string(kind), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				start := rotate.Start{Kind: kind, Subject: "lantian"}
				start.New = secret.FromString("no!")
				_, err := w.rotate.Begin(t.Context(), operator, start)
				w.refuses("secret-form", err)
				start.New = secret.FromString(map[access.RotationKind]string{access.RotatePushToken: token, access.RotateAESKey: aesKey}[kind])
				_, err = w.rotate.Begin(t.Context(), operator, start)
				w.refuses("secret-same", err)
				start.New = secret.Value{}
				b := w.begin(start)
				if b.Made.IsZero() {
					t.Fatal("none was made")
				}
				both := w.shopApp().Push
				if both.Version != 2 || both.PreviousVersion != 1 || len(both.Previous) == 0 {
					t.Fatalf("pushes are opened with version %d and %d", both.Version, both.PreviousVersion)
				}
				other := access.RotateAESKey
				if kind == other {
					other = access.RotatePushToken
				}
				_, err = w.rotate.Begin(t.Context(), operator, rotate.Start{Kind: other, Subject: "lantian"})
				w.refuses("rotation-under-way", err)
				old := func(is bool) (token, key bool) {
					return is == (kind == access.RotateAESKey), is == (kind == access.RotatePushToken)
				}
				see := func(new bool) {
					time.Sleep(time.Second)
					token, key := old(!new)
					w.rotate.Opened("shop-lantian", 2, token == !new || new, key == !new || new, time.Now())
					time.Sleep(time.Minute)
					w.look()
				}
				see(false)
				_, err = w.rotate.Finish(t.Context(), operator, b.ID, false)
				w.refuses("new-not-seen", err)
				see(true)
				w.look()
				time.Sleep(20 * time.Hour)
				see(false)
				time.Sleep(20 * time.Hour)
				w.look()
				w.stands(b.ID, access.RotationOverlap)
				time.Sleep(5 * time.Hour)
				w.look()
				if r := w.stands(b.ID, access.RotationDone); r.Why != "old_not_seen" || len(w.shopApp().Push.Previous) > 0 {
					t.Errorf("it ended because of %q", r.Why)
				}
			})
		})
	}
}

// TestPushBack: the way back keeps what WeChat may have been told.
func TestPushBack(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b := w.begin(rotate.Start{Kind: access.RotatePushToken, Subject: "lantian", New: secret.FromString("another1")})
		_, err := w.rotate.Back(t.Context(), operator, b.ID)
		w.must(err)
		w.stands(b.ID, access.RotationBack)
		p := w.shopApp().Push
		packed, err := w.vault.Open(p.Keys, vault.PushKeys("shop-lantian", p.Version))
		w.must(err)
		keys, err := access.UnpackPushKeys(packed)
		if err != nil || keys.Token.RevealString() != token || p.PreviousVersion != p.Version-1 {
			t.Errorf("after the way back: %v, versions %d and %d", err, p.Version, p.PreviousVersion)
		}
	})
}

// TestClient: two keys count, and the first one ends at its date.
// TestClientMadeAnew: a client that was removed and made again between two looks has
// nothing of the rotation, which must not stand in the way of the next.
func TestClientMadeAnew(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		b := w.begin(rotate.Start{Kind: access.RotateClient, Subject: "erp", Until: time.Now().Add(time.Hour)})
		c, err := w.store.Client(t.Context(), "erp")
		w.must(err)
		_, c.KeyHash = access.NewKey(access.ClientKeyPrefix)
		for _, d := range []access.Declaration{{Remove: access.Removal{Clients: []string{"erp"}}}, {Clients: []access.Client{c}}} {
			d.At = time.Now()
			d.Revision, err = w.store.Revision(t.Context())
			w.must(err)
			w.must(w.store.Declare(t.Context(), d, audit.Entry{At: d.At, Actor: operator, Action: "apply", Outcome: audit.Done}))
		}
		time.Sleep(2 * time.Hour)
		w.look()
		if r := w.stands(b.ID, access.RotationBack); r.Why != "changed_elsewhere" {
			t.Errorf("it ended because of %q", r.Why)
		}
		w.begin(rotate.Start{Kind: access.RotateClient, Subject: "erp"})
	})
}

func TestClient(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		time.Sleep(time.Hour)
		b := w.begin(rotate.Start{Kind: access.RotateClient, Subject: "erp", Until: time.Now().Add(48 * time.Hour)})
		before, err := w.store.Client(t.Context(), "erp")
		w.must(err)
		hash := access.HashKey(b.Made.RevealString())
		for _, h := range [][]byte{before.KeyHash, hash} {
			if c, err := w.store.ClientByKey(t.Context(), h); err != nil || c.ID != "erp" {
				t.Fatalf("a key is of %q, %v", c.ID, err)
			}
		}
		time.Sleep(49 * time.Hour)
		w.look()
		w.stands(b.ID, access.RotationDone)
		after, err := w.store.ClientByKey(t.Context(), hash)
		w.must(err)
		if after.KeyHint != before.Next.Hint || len(after.Next.Hash) > 0 || after.CreatedAt.Equal(before.CreatedAt) {
			t.Errorf("the client's key is %s of %v", after.KeyHint, after.CreatedAt)
		}
		if _, err := w.store.ClientByKey(t.Context(), before.KeyHash); !errors.Is(err, access.ErrNotFound) {
			t.Errorf("the old key: %v", err)
		}

		again := w.begin(rotate.Start{Kind: access.RotateClient, Subject: "erp"})
		w.must(w.store.RevokeClient(t.Context(), "erp", time.Now(), audit.Entry{At: time.Now(), Actor: operator, Action: "client.revoke", Subject: "client:erp", Outcome: audit.Done}))
		for _, h := range [][]byte{hash, access.HashKey(again.Made.RevealString())} {
			if c, err := w.store.ClientByKey(t.Context(), h); err != nil || c.Live(time.Now()) {
				t.Errorf("after the end of the client a key of it is live: %v, %v", c.Live(time.Now()), err)
			}
		}
		time.Sleep(time.Minute)
		w.look()
		w.stands(again.ID, access.RotationBack)
		_, err = w.rotate.Begin(t.Context(), operator, rotate.Start{Kind: access.RotateClient, Subject: "erp"})
		w.refuses("rotation-kind", err)
	})
}

// TestTwoOperators: at each step one wins, and the other is told.
func TestTwoOperators(t *testing.T) {
	t.Parallel()
	inWorld(t, func(t *testing.T, w *world) {
		other := w.assistant()
		both := func(code string, step func(a *rotate.Assistant) error) {
			t.Helper()
			var errs [2]error
			var wg sync.WaitGroup
			for i, a := range []*rotate.Assistant{w.rotate, other} {
				wg.Go(func() { errs[i] = step(a) })
			}
			wg.Wait()
			if errs[0] != nil {
				errs[0], errs[1] = errs[1], errs[0]
			}
			w.must(errs[0])
			w.refuses(code, errs[1])
		}
		both("rotation-under-way", func(a *rotate.Assistant) error {
			_, err := a.Begin(t.Context(), operator, appSecret)
			return err
		})
		live, err := w.store.LiveRotations(t.Context())
		if err != nil || len(live) != 1 {
			t.Fatalf("%d rotations are under way, %v", len(live), err)
		}
		plain := w.reset(shopAppID)
		both("rotation-state", func(a *rotate.Assistant) error {
			_, err := a.Take(t.Context(), operator, live[0].ID, plain)
			if no, ok := errors.AsType[*rotate.Refusal](err); ok && (no.Code == "changed-elsewhere" || no.Code == "secret-same") {
				return &rotate.Refusal{Code: "rotation-state", EN: no.EN, ZH: no.ZH, NextEN: no.NextEN, NextZH: no.NextZH}
			}
			return err
		})
		both("rotation-state", func(a *rotate.Assistant) error {
			_, err := a.Finish(t.Context(), operator, live[0].ID, false)
			return err
		})
		w.stands(live[0].ID, access.RotationDone)
	})
}
