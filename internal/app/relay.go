package app

import (
	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/relay"
)

// connectRelay makes what tells clients of events.
func (a *App) connectRelay() {
	a.relay = relay.New(relay.Options{
		Store: a.store, Clients: a.store, Vault: a.keys(), Owner: a.owner, Link: a.Link, Tally: a.refused,
		Around: adminapi.Frame{Now: a.o.Now, Requests: a.store, Sealer: a.keys()}.Around,
		Now:    a.o.Now, Logger: a.o.Log, Observer: a.meters,
	})
	a.store.heard = a.relay.Wake
}
