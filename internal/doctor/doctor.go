package doctor

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// Bounds of an examination.
const (
	CheckTimeout   = 5 * time.Second
	ExamineTimeout = 30 * time.Second
	// Remember is how long what WeChat answered is told again.
	Remember = time.Minute

	atOnce = 8 // checks that run side by side
	// allShops is how many shops a server has at most for an examination of the whole
	// to look at each; of more, it counts where their grants stand.
	allShops = 20
	allApps  = 50
)

// Options are what a Doctor works with. All but Log must be set; the parts are
// described with their types.
type Options struct {
	Directory Directory
	Grants    Grants
	Platforms Platforms
	Notices   Notices
	WeChat    WeChat
	Web       Web
	Usage     Usage
	Pushes    Pushes
	Strangers Strangers
	House     House
	Vault     Opener
	Catalogue *catalogue.Catalogue
	PublicURL *url.URL
	Hosts     []string // further hosts that people reach here
	Now       func() time.Time
	Log       *slog.Logger // nil: discards
}

// Doctor finds out what is wrong. Make one with [New]. It is safe for concurrent use.
type Doctor struct {
	o    Options
	memo *memo
}

// New makes a Doctor.
func New(o Options) *Doctor {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.WeChat = counted{o.WeChat}
	return &Doctor{o: o, memo: newMemo(o.Now)}
}

// place is what a check looks at. Shop is set for checks of shops, App for those and
// for checks of apps.
type place struct {
	subject string
	house   bool // what is found is the operator's alone
	app     access.App
	shop    access.Shop
}

// check looks at one thing.
type check struct {
	name string
	asks bool // WeChat, once: what was found is remembered
	run  func(d *Doctor, ctx context.Context, at place) []Finding
}

// task is a check at a place.
type task struct {
	check
	place
}

// Examine runs the checks: those of one shop and its app, or of the whole server when
// shop is empty. The error is [access.ErrNotFound], or that the directory cannot be
// read; everything else is a finding.
func (d *Doctor) Examine(ctx context.Context, shop string) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, ExamineTimeout)
	defer cancel()
	began := d.o.Now()
	var tasks []task
	var err error
	if shop != "" {
		tasks, err = d.shopTasks(ctx, shop)
	} else {
		tasks, err = d.allTasks(ctx)
	}
	if err != nil {
		return Report{}, fmt.Errorf("doctor: read what there is to examine: %w", err)
	}
	r := Report{At: began}
	r.Findings, r.Asked = d.runAll(ctx, tasks)
	sortFindings(r.Findings)
	r.Took = d.o.Now().Sub(began)
	return r, nil
}

// shopTasks are the checks of one shop and of the app that serves it.
func (d *Doctor) shopTasks(ctx context.Context, id string) ([]task, error) {
	shop, err := d.o.Directory.Shop(ctx, id)
	if err != nil {
		return nil, err
	}
	app, err := d.o.Directory.App(ctx, shop.App)
	if err != nil {
		return nil, err
	}
	return append(tasksOf(shop, app), appTasks(app)...), nil
}

// allTasks are the checks of the server, of its apps and, if there are few, its shops.
func (d *Doctor) allTasks(ctx context.Context) ([]task, error) {
	apps, err := d.o.Directory.Apps(ctx)
	if err != nil {
		return nil, err
	}
	shops, err := d.o.Directory.ShopsAfter(ctx, "", allShops+1)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, c := range houseChecks {
		tasks = append(tasks, task{c, place{subject: "server", house: true}})
	}
	for _, a := range apps[:min(len(apps), allApps)] {
		tasks = append(tasks, appTasks(a)...)
	}
	if len(shops) > allShops {
		for _, c := range fleetChecks {
			tasks = append(tasks, task{c, place{subject: "server", house: true}})
		}
		return tasks, nil
	}
	for _, s := range shops {
		for _, a := range apps {
			if a.ID == s.App {
				tasks = append(tasks, tasksOf(s, a)...)
			}
		}
	}
	return tasks, nil
}

func tasksOf(s access.Shop, a access.App) (tasks []task) {
	for _, c := range shopChecks {
		tasks = append(tasks, task{c, place{subject: "shop:" + s.ID, shop: s, app: a}})
	}
	return tasks
}

// appTasks are the checks of an app. A shop's own app is its merchant's affair; others
// are the operator's.
func appTasks(a access.App) (tasks []task) {
	for _, c := range appChecks {
		tasks = append(tasks, task{c, place{subject: "app:" + a.ID, house: a.Kind != access.ShopApp, app: a}})
	}
	return tasks
}

// runAll runs tasks side by side, and gives what they found in their order, and how
// often WeChat was asked for it.
func (d *Doctor) runAll(ctx context.Context, tasks []task) (all []Finding, asked int) {
	var calls atomic.Int64
	ctx = context.WithValue(ctx, callsKey{}, &calls)
	found := make([][]Finding, len(tasks))
	slots := make(chan struct{}, atOnce)
	var wg sync.WaitGroup
	for i, t := range tasks {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			found[i] = d.runOne(ctx, t)
		})
	}
	wg.Wait()
	for _, f := range found {
		all = append(all, f...)
	}
	return all, int(calls.Load())
}

// runOne runs one task within its time.
func (d *Doctor) runOne(ctx context.Context, t task) []Finding {
	switch {
	case ctx.Err() != nil:
		return t.stamp(late())
	case t.asks:
		return d.memo.get(t.name+" "+t.subject, func() []Finding { return d.run(detached(ctx), t) })
	}
	return d.run(ctx, t)
}

// detached keeps the end of the examination's time, and not that its caller left:
// others may wait for the same answer.
func detached(ctx context.Context) context.Context {
	end, _ := ctx.Deadline()
	out, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	context.AfterFunc(out, cancel)
	return out
}

func (d *Doctor) run(ctx context.Context, t task) []Finding {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	return t.stamp(d.bounded(ctx, t))
}

// bounded waits for a check no longer than it may take, whatever the check does about
// its context.
func (d *Doctor) bounded(ctx context.Context, t task) []Finding {
	done := make(chan []Finding, 1)
	go func() { done <- t.run(d, ctx, t.place) }()
	select {
	case found := <-done:
		return found
	case <-ctx.Done():
		return late()
	}
}

func late() []Finding {
	return []Finding{ill(Unknown, text("the check did not end in time", "检查未能在时限内完成"),
		text("repeat it; if that goes on, look at network and database of this server", "请重试；若持续如此，请检查本服务器的网络与数据库"), "",
		span("limit", CheckTimeout))}
}

// stamp writes on findings what they are about.
func (t task) stamp(found []Finding) []Finding {
	for i := range found {
		f := &found[i]
		if f.Check == "" {
			f.Check = t.name
		}
		f.Subject, f.House = t.subject, f.House || t.house
	}
	return found
}

// unread is the finding of a check whose own database did not answer.
func unread(err error) []Finding {
	if err == nil {
		return nil
	}
	return []Finding{ill(Unknown,
		text("the database did not say", "数据库未能应答"),
		text("look at the findings of the check database, and at the server's log", "请查看 database 检查的结果与服务器日志"), "")}
}
