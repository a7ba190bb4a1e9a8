package push_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/provider"
	"github.com/zhanggui/zhanggui/internal/push"
	"github.com/zhanggui/zhanggui/internal/store/sqlstore"
	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
)

// message is one push of a day, in the clear.
type message struct{ app, path, plain string }

// day is a day of pushes in the order in which things happened: tickets, accounts
// that authorise, change and withdraw, and orders of two shops.
func day() (all []message) {
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	for n := range 72 {
		all = append(all, message{"platform", authURL, ticket(platformID, "ticket@@@"+strconv.Itoa(n), at(n*10))})
	}
	for n, word := range []string{
		"authorized 1", "authorized 2", "unauthorized 1", "authorized 3", "updateauthorized 2", "authorized 1",
		"unauthorized 3", "updateauthorized 1", "authorized 4", "unauthorized 4", "authorized 4",
	} {
		var name string
		var account int
		if _, err := fmt.Sscan(word, &name, &account); err != nil {
			panic(err)
		}
		all = append(all, message{"platform", authURL, authorisation(name, account, at(n*50+1))})
	}
	for n := range 60 {
		order := strconv.Itoa(n)
		all = append(all,
			message{"own", "/wechat/push/own/event/" + ownShopID, shopEvent(msgcrypt.JSON, order, at(n*11))},
			message{"platform", eventURL, shopEvent(msgcrypt.XML, order, at(n*11+3))},
			message{"platform", "/wechat/push/platform/event/wx00000000000000ff", shopEvent(msgcrypt.XML, "9"+order, at(n))})
	}
	return all
}

func authorisation(name string, account int, at time.Time) string {
	code := ""
	if name != "unauthorized" {
		code = "<AuthorizationCode>code@@@" + unix(at) + "</AuthorizationCode><AuthorizationCodeExpiredTime>3600</AuthorizationCodeExpiredTime>"
	}
	return fmt.Sprintf(`<xml><AppId>%s</AppId><CreateTime>%s</CreateTime><InfoType>%s</InfoType><AuthorizerAppid>wx00000000000000d%d</AuthorizerAppid>%s</xml>`,
		platformID, unix(at), name, account, code)
}

// dayEnd is what a day leaves behind, without what depends on the order by right:
// versions, ids of events and the random parts of seals.
type dayEnd struct {
	Tickets     []time.Time
	Authorizers []grant.Authorizer
	Events      []string
}

// live sends pushes over some connections at once, each again until it is taken, as
// WeChat does, and gives what they leave behind.
func live(t *testing.T, s *sqlstore.Store, messages []message, connections int) dayEnd {
	kek, err := vault.FileKEK(filepath.Join(t.TempDir(), "master.key"), true)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := vault.Create(t.Context(), kek)
	if err != nil {
		t.Fatal(err)
	}
	platform := provider.New(provider.Options{Store: s, Directory: s, Vault: v, Owner: "day",
		// A decision that asked WeChat would end the test.
		Keeper: struct{ provider.Keeper }{}, Platform: struct{ provider.Platform }{}, Market: struct{ provider.Market }{}})
	r := newRig(t, over(s), func(o *push.Options) {
		o.Decide = map[access.AppKind]push.Decide{access.Component: platform.Decide}
	})
	r.now = start.Add(12*time.Hour + time.Minute)
	waiting := make(chan message)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for m := range waiting {
				for tries := 0; ; tries++ {
					status, _ := r.answer(sealed(t, m.app, m.path, m.plain, r.now))
					if status == http.StatusOK {
						break
					}
					if status != http.StatusServiceUnavailable || tries == 10 {
						t.Errorf("%s was answered %d", m.plain, status)
						break
					}
				}
			}
		})
	}
	for _, m := range messages {
		waiting <- m
	}
	close(waiting)
	wg.Wait()
	return left(t, s)
}

func left(t *testing.T, s *sqlstore.Store) (end dayEnd) {
	tickets, err := s.Tickets(t.Context(), "platform")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range tickets {
		end.Tickets = append(end.Tickets, x.CreatedAt.UTC())
	}
	if end.Authorizers, err = s.AuthorizersPage(t.Context(), "platform", "", 100); err != nil {
		t.Fatal(err)
	}
	for i := range end.Authorizers {
		end.Authorizers[i].Version, end.Authorizers[i].Code = 0, nil
	}
	events, err := s.EventsAfter(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		end.Events = append(end.Events, fmt.Sprint(e.ShopID, " ", e.App, " ", e.Name, " ", e.At.Unix(), " ", string(e.Body)))
	}
	slices.Sort(end.Events)
	return end
}

// TestDay: a day of pushes ends in the same state however often and in whatever
// order they come, over however many connections.
func TestDay(t *testing.T) {
	want := live(t, onSQLite(t), day(), 1)
	if len(want.Tickets) != 2 || len(want.Authorizers) != 4 || len(want.Events) != 120 {
		t.Fatalf("the day left %d tickets, %d authorisers and %d events; want 2, 4 and 120", len(want.Tickets), len(want.Authorizers), len(want.Events))
	}
	for seed := range uint64(4) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			endsAlike(t, onSQLite(t), seed, want)
		})
	}
	t.Run("PostgreSQL", func(t *testing.T) { endsAlike(t, onPostgres(t), 4, want) })
}

// endsAlike plays the day shuffled and doubled.
func endsAlike(t *testing.T, s *sqlstore.Store, seed uint64, want dayEnd) {
	messages := append(day(), day()...)
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	if diff := cmp.Diff(want, live(t, s, messages, 8)); diff != "" {
		t.Errorf("the end of the day (-in order +shuffled and doubled):\n%s", diff)
	}
}
