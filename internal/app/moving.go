package app

import (
	"context"
	"net/http"

	"github.com/zhanggui/zhanggui/internal/egress"
	"github.com/zhanggui/zhanggui/internal/movein/follow"
	"github.com/zhanggui/zhanggui/internal/passon"
)

// connectMoving makes what deals with the other system that platforms move here
// from. The store must be there.
func (a *App) connectMoving() (err error) {
	var places []follow.Place
	pass := map[string]passon.Place{}
	for _, m := range a.o.Config.Moving {
		if m.Follow != "" {
			places = append(places, follow.Place{App: m.App, URL: m.Follow, Secret: m.Secret.Value(),
				AccessKey: m.AccessKey, RefreshKey: m.RefreshKey, AllowPrivate: m.AllowPrivate})
		}
		if !m.PassOnAuth.IsZero() || !m.PassOnEvent.IsZero() {
			pass[m.App] = passon.Place{Auth: m.PassOnAuth.String(), Event: m.PassOnEvent.String(), Way: a.wayOn(m.AllowPrivate)}
		}
	}
	if a.follow, err = follow.New(a.store, a.o.Now, places...); err != nil {
		return err
	}
	a.passer = passon.New(passon.Options{Places: pass, Logger: a.o.Log, Observer: a.meters})
	return nil
}

// wayOn gives a way out to another system, with connections for a busy day.
func (a *App) wayOn(allowPrivate bool) http.RoundTripper {
	return a.transport(egress.Options{AllowPrivate: allowPrivate, Idle: 8})
}

// endMoving gives what is to be passed on a last moment. No push may arrive any
// more.
func (a *App) endMoving() {
	if a.passer != nil { // nil: making the App failed before
		ctx, cancel := context.WithTimeout(context.Background(), lastPushes)
		defer cancel()
		a.passer.Close(ctx)
	}
	if a.follow != nil {
		a.follow.Close()
	}
}
