package signer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// rows is a store in memory.
type rows struct {
	mu      sync.Mutex
	keys    []access.SigningKey
	entries []audit.Entry
	err     error
	reads   int
}

func (s *rows) SigningKeys(context.Context) ([]access.SigningKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return slices.Clone(s.keys), s.err
}

func (s *rows) AddSigningKey(_ context.Context, k access.SigningKey, before string, e ...audit.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(k, before, e)
}

func (s *rows) ReplaceSigningKeys(_ context.Context, k access.SigningKey, before string, now time.Time, e ...audit.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.add(k, before, e); err != nil {
		return err
	}
	for i := range s.keys {
		if s.keys[i].Alg == k.Alg && s.keys[i].ID != k.ID {
			s.keys[i].PublishedUntil = now
		}
	}
	return nil
}

func (s *rows) add(k access.SigningKey, before string, e []audit.Entry) error {
	newest := ""
	for _, other := range s.keys {
		if other.Alg == k.Alg {
			newest = other.ID
		}
	}
	if s.err != nil || newest != before {
		return errors.Join(s.err, access.ErrStale)
	}
	s.keys, s.entries = append(s.keys, k), append(s.entries, e...)
	return nil
}

type world struct {
	t     *testing.T
	store *rows
	vault *vault.Vault
	now   time.Time
	log   *bytes.Buffer
}

type plainKEK struct{}

func (plainKEK) ID() string                                         { return "00000000" }
func (plainKEK) Name() string                                       { return "plain" }
func (plainKEK) Wrap(_ context.Context, b []byte) ([]byte, error)   { return b, nil }
func (plainKEK) Unwrap(_ context.Context, b []byte) ([]byte, error) { return b, nil }

func newWorld(t *testing.T) *world {
	v, _, err := vault.Create(t.Context(), plainKEK{})
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, store: &rows{}, vault: v, now: start, log: &bytes.Buffer{}}
}

func (w *world) signer() *Signer {
	return New(Options{Store: w.store, Vault: w.vault, Now: func() time.Time { return w.now }, Log: slog.New(slog.NewTextHandler(w.log, nil))})
}

func (w *world) kept() []access.SigningKey {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	return slices.Clone(w.store.keys)
}

type claims struct {
	Sub string `json:"sub"`
	Exp int64  `json:"exp"`
}

func (w *world) claims() claims { return claims{Sub: "p_1", Exp: w.now.Add(time.Hour).Unix()} }

func (w *world) sign(s *Signer, alg string) string {
	w.t.Helper()
	token, err := s.Sign(w.t.Context(), alg, w.claims())
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// set is what a signer publishes.
func (w *world) set(s *Signer) jose.JSONWebKeySet {
	w.t.Helper()
	answer := w.get(s, "")
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(answer.Body.Bytes(), &set); err != nil || answer.Code != http.StatusOK {
		w.t.Fatalf("%d %s: %v", answer.Code, answer.Body, err)
	}
	return set
}

func (w *world) get(s *Signer, etag string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, JWKSPath, nil)
	r.Header.Set("If-None-Match", etag)
	answer := httptest.NewRecorder()
	s.ServeHTTP(answer, r)
	return answer
}

// verifies tells whether a stranger who has the set takes the token.
func verifies(set jose.JSONWebKeySet, token string) bool {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		return false
	}
	_, err = jws.Verify(set)
	return err == nil
}

func TestOthersVerifyWhatWasSigned(t *testing.T) {
	w := newWorld(t)
	s := w.signer()
	for _, alg := range []string{ES256, RS256} {
		token := w.sign(s, alg)
		jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatal(err)
		}
		header := jws.Signatures[0].Header
		if header.ExtraHeaders[jose.HeaderType] != "JWT" || header.KeyID == "" {
			t.Errorf("header %+v", header)
		}
		payload, err := jws.Verify(w.set(w.signer())) // another replica publishes it
		want, _ := json.Marshal(w.claims())
		if err != nil || !bytes.Equal(payload, want) {
			t.Errorf("%s: payload %s, %v", alg, payload, err)
		}
		var got claims
		if err := w.signer().Verify(t.Context(), token, "JWT", &got); err != nil || got != w.claims() {
			t.Errorf("verify: %+v, %v", got, err)
		}
	}
	if set := w.set(s); len(set.Keys) != 2 || !set.Keys[0].IsPublic() || !set.Keys[1].IsPublic() {
		t.Errorf("set %+v", set)
	}
	if len(w.store.entries) != 2 || w.store.entries[0].Action != "signing.create" || !strings.HasPrefix(w.store.entries[0].Subject, "signing_key:") {
		t.Errorf("entries %+v", w.store.entries)
	}
}

func TestKeysRotateWithOverlap(t *testing.T) {
	w := newWorld(t)
	s := w.signer()
	first := w.sign(s, ES256)
	day := 24 * time.Hour
	for _, step := range []struct {
		at        time.Duration
		published int
		same      bool // the first key still signs
	}{
		{0, 1, true}, {29*day - time.Second, 1, true}, {29 * day, 2, true}, {30*day - time.Second, 2, true},
		{30 * day, 2, false}, {32*day - time.Second, 2, false}, {32 * day, 1, false},
	} {
		w.now = start.Add(step.at)
		if err := s.ensure(t.Context(), w.now); err != nil {
			t.Fatal(err)
		}
		token := w.sign(s, ES256)
		set := jose.JSONWebKeySet{}
		body, err := s.ring.Load().set(w.now)
		if err != nil || json.Unmarshal(body, &set) != nil {
			t.Fatal(err)
		}
		if len(set.Keys) != step.published || !verifies(set, token) || (kid(t, token) == kid(t, first)) != step.same {
			t.Errorf("after %v: %d published, signed by %s, first %s", step.at, len(set.Keys), kid(t, token), kid(t, first))
		}
		if step.published == 1 && !step.same && verifies(set, first) {
			t.Errorf("after %v: the first key is still published", step.at)
		}
	}
}

func kid(t *testing.T, token string) string {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	return jws.Signatures[0].Header.KeyID
}

func TestWhatIsSignedDiesBeforeItsKey(t *testing.T) {
	w := newWorld(t)
	s := w.signer()
	w.sign(s, ES256)
	w.now = start.Add(signsFor - time.Second)
	token, err := s.Sign(t.Context(), ES256, claims{Exp: w.now.Add(MaxLife).Unix()})
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(MaxLife)
	if !verifies(w.set(s), token) {
		t.Error("its key is not published any more")
	}
}

func TestClaimsThatOutliveTheirKeyAreRefused(t *testing.T) {
	w := newWorld(t)
	for name, c := range map[string]any{
		"no end":        map[string]any{"sub": "p"},
		"too long":      claims{Exp: w.now.Add(MaxLife + time.Second).Unix()},
		"an end no one": map[string]any{"exp": "tomorrow"},
		"no object":     "text",
	} {
		if _, err := w.signer().Sign(t.Context(), ES256, c); !errors.Is(err, errLife) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.signer().Sign(t.Context(), ES256, func() {}); err == nil {
		t.Error("a function was signed")
	}
	if _, err := w.signer().Sign(t.Context(), "HS256", w.claims()); err == nil || !strings.Contains(err.Error(), "HS256") {
		t.Errorf("HS256: %v", err)
	}
}

func TestReplicasSignWithOneKey(t *testing.T) {
	w := newWorld(t)
	var wg sync.WaitGroup
	tokens := make([]string, 8)
	for i := range tokens {
		wg.Go(func() { tokens[i] = w.sign(w.signer(), ES256) })
	}
	wg.Wait()
	for _, token := range tokens {
		if kid(t, token) != kid(t, tokens[0]) {
			t.Errorf("keys %s and %s", kid(t, token), kid(t, tokens[0]))
		}
	}
	if len(w.store.keys) != 1 {
		t.Errorf("%d keys", len(w.store.keys))
	}
}

func TestAReplicaThatIsBehindSignsWithTheOthersKey(t *testing.T) {
	w := newWorld(t)
	w.sign(w.signer(), ES256)
	w.now = start.Add(-time.Minute)
	w.sign(w.signer(), ES256)
	if len(w.store.keys) != 1 {
		t.Errorf("%d keys", len(w.store.keys))
	}
}

func TestTheDatabaseMayBeAway(t *testing.T) {
	w := newWorld(t)
	s := w.signer()
	w.sign(s, ES256)
	w.store.err = errors.New("away")
	w.now = start.Add(signsFor + keptBeyond - MaxLife)
	if token := w.sign(s, ES256); !verifies(w.set(s), token) {
		t.Error("its own set does not verify it")
	}
	w.now = w.now.Add(time.Second)
	if _, err := s.Sign(t.Context(), ES256, w.claims()); !errors.Is(err, w.store.err) {
		t.Errorf("a key that is soon not published signed: %v", err)
	}
	if answer := w.get(w.signer(), ""); answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("a replica without keys answers %d", answer.Code)
	}
	if err := w.signer().Verify(t.Context(), stranger(t), "JWT", &claims{}); !errors.Is(err, w.store.err) {
		t.Errorf("verify: %v", err)
	}
}

// stranger is a token of another deployment.
func stranger(t *testing.T) string {
	w := newWorld(t)
	return w.sign(w.signer(), ES256)
}

func TestTokensOfOthersAreNotOurs(t *testing.T) {
	w := newWorld(t)
	s := w.signer()
	good := w.sign(s, ES256)
	parts := strings.Split(good, ".")
	logout, err := s.SignAs(t.Context(), ES256, "logout+jwt", w.claims())
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"empty": "", "no token": "abc", "another's": stranger(t),
		"unsigned":          "eyJhbGciOiJub25lIn0." + parts[1] + ".",
		"another payload":   parts[0] + "." + parts[1] + "e30" + "." + parts[2],
		"another kind":      logout,
		"of two signatures": fmt.Sprintf(`{"payload":%q,"signatures":[{"protected":%q,"signature":%q},{"protected":%q,"signature":%q}]}`, parts[1], parts[0], parts[2], parts[0], parts[2]),
	} {
		if err := s.Verify(t.Context(), token, "JWT", &claims{}); !errors.Is(err, ErrNotOurs) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.now = start.Add(signsFor + keptBeyond)
	if err := s.Verify(t.Context(), good, "JWT", &claims{}); !errors.Is(err, ErrNotOurs) {
		t.Errorf("of a key that is over: %v", err)
	}
}

func TestARowThatDoesNotOpenIsLeftOut(t *testing.T) {
	w := newWorld(t)
	w.sign(w.signer(), ES256)
	good := w.store.keys[0]
	stolen, err := w.vault.Seal(secret.FromString("no key"), vault.SigningKey(good.ID))
	if err != nil {
		t.Fatal(err)
	}
	moved := good
	moved.ID = "elsewhere"
	other := good
	other.Alg = RS256
	broken := good
	broken.Private = stolen
	for name, row := range map[string]access.SigningKey{"moved": moved, "no key": broken, "of another algorithm": other} {
		w.store.keys = []access.SigningKey{row}
		s := w.signer()
		token := w.sign(s, ES256)
		if kid(t, token) == row.ID || len(w.store.keys) != 2 || !strings.Contains(w.log.String(), "left out") {
			t.Errorf("%s: signed by %s, rows %d, log %s", name, kid(t, token), len(w.store.keys), w.log)
		}
		if strings.Contains(w.log.String(), "no key\"") {
			t.Errorf("the log tells what is sealed: %s", w.log)
		}
		w.log.Reset()
	}
}

func TestReplaceEndsAllOthers(t *testing.T) {
	w := newWorld(t)
	s := w.signer()
	stolen := w.sign(s, ES256)
	w.now = start.Add(signsFor - lead)
	if err := s.ensure(t.Context(), w.now); err != nil { // the next one waits already
		t.Fatal(err)
	}
	if err := s.Replace(t.Context(), ES256, audit.Actor{Kind: audit.ActorOperator}); err != nil {
		t.Fatal(err)
	}
	token := w.sign(s, ES256)
	if set := w.set(s); verifies(set, stolen) || !verifies(set, token) || len(set.Keys) != 2 { // RS256 is there, too
		t.Errorf("set %+v", set)
	}
	last := w.store.entries[len(w.store.entries)-2]
	want := audit.Actor{Kind: audit.ActorOperator}
	if last.Action != "signing.replace" || !cmp.Equal(last.Actor, want) {
		t.Errorf("entry %+v", last)
	}
	kept, err := s.Kept(t.Context())
	if err != nil || len(kept) != 4 || kept[0].Private != nil || w.store.keys[0].Private == nil {
		t.Errorf("kept %+v, %v", kept, err)
	}
	w.store.err = errors.New("away")
	if err := s.Replace(t.Context(), ES256, want); !errors.Is(err, w.store.err) {
		t.Errorf("while the database is away: %v", err)
	}
}

func TestTheSetMayBeKept(t *testing.T) {
	w := newWorld(t)
	s := w.signer()
	answer := w.get(s, "")
	h := answer.Header()
	if h.Get("Content-Type") != "application/jwk-set+json" || h.Get("Cache-Control") != "public, max-age=3600" || h.Get("ETag") == "" {
		t.Errorf("headers %v", h)
	}
	if strings.Contains(answer.Body.String(), `"d":`) {
		t.Error("a private half is published")
	}
	if again := w.get(s, h.Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("asked again: %d %s", again.Code, again.Body)
	}
	post := httptest.NewRecorder()
	s.ServeHTTP(post, httptest.NewRequest(http.MethodPost, JWKSPath, nil))
	if post.Code != http.StatusMethodNotAllowed || post.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", post.Code)
	}
	w.now = start.Add(signsFor - lead)
	if again := w.get(s, h.Get("ETag")); again.Code != http.StatusOK {
		t.Errorf("asked after a rotation: %d", again.Code)
	}
}

// Strangers have the rows read once a second at most, whatever they ask for.
func TestStrangersReadLittle(t *testing.T) {
	w := newWorld(t)
	s := w.signer()
	w.set(s)
	before := w.store.reads
	for range 20 {
		w.set(s)
		if err := s.Verify(t.Context(), stranger(t), "JWT", &claims{}); !errors.Is(err, ErrNotOurs) {
			t.Errorf("a stranger's token: %v", err)
		}
	}
	if w.store.reads != before {
		t.Errorf("%d readings within a second", w.store.reads-before)
	}
	w.now = w.now.Add(lookEvery)
	w.set(s)
	if w.store.reads != before+1 {
		t.Errorf("%d readings a second later", w.store.reads-before)
	}
}

func BenchmarkSign(b *testing.B) {
	for _, alg := range []string{ES256, RS256} {
		b.Run(alg, func(b *testing.B) {
			v, _, err := vault.Create(b.Context(), plainKEK{})
			if err != nil {
				b.Fatal(err)
			}
			s := New(Options{Store: &rows{}, Vault: v, Now: func() time.Time { return start }})
			for b.Loop() {
				if _, err := s.Sign(b.Context(), alg, claims{Sub: "p_1", Exp: start.Add(time.Minute).Unix()}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
