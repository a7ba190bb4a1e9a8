package app

import (
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/radar"
)

// connectRadar makes what counts the paths that programs use, and warns those that a
// change of WeChat's APIs concerns. It comes before whatever counts.
func (a *App) connectRadar() {
	a.paths = documented{radar.NewCounter(), a.catalogue}
	a.radar = radar.New(radar.Options{Store: a.store, Counter: a.paths.Counter, Catalogue: a.catalogue, Now: a.o.Now, Log: a.o.Log})
}

// documented counts under the spelling of the catalogue, whatever it is told.
type documented struct {
	*radar.Counter
	catalogue *catalogue.Catalogue
}

// Count implements gateway.Paths and dropin.Paths.
func (d documented) Count(client, shop, path string) {
	if e, ok := d.catalogue.Lookup(path); ok {
		path = e.Path
	} else {
		path = catalogue.Other
	}
	d.Counter.Count(client, shop, path)
}
