package main

import (
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed pages.html
var files embed.FS

var pages = template.Must(template.ParseFS(files, "pages.html"))

// Who is what the proxy tells of the reader.
type Who struct{ Person, Shop, Role, Door string }

// Order is one order of the shop.
type Order struct {
	ID      string
	Goods   string
	Shipped bool
}

// Office is the whole program. Its orders live in memory. It is safe for concurrent use.
type Office struct {
	verify *Verifier
	mu     sync.Mutex
	orders []Order
}

// New gives the pages. Those that verify use v.
func New(v *Verifier) http.Handler {
	o := &Office{verify: v, orders: []Order{
		{ID: "3700000000000001", Goods: "蓝色钢笔 × 2"},
		{ID: "3700000000000002", Goods: "方格本 × 5"},
		{ID: "3700000000000003", Goods: "墨水 × 1", Shipped: true},
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", o.list)
	mux.HandleFunc("POST /ship", o.ship)
	mux.HandleFunc("GET /admin/", o.admin)
	mux.HandleFunc("GET /clock", o.clock)
	mux.HandleFunc("GET /signed", o.signed)
	mux.HandleFunc("GET /public/about", o.about)
	return mux
}

func who(r *http.Request) Who {
	return Who{
		Person: r.Header.Get("X-Zhanggui-Person"), Shop: r.Header.Get("X-Zhanggui-Shop"),
		Role: r.Header.Get("X-Zhanggui-Role"), Door: r.Header.Get("X-Zhanggui-Door"),
	}
}

func (o *Office) list(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	orders := slices.Clone(o.orders)
	o.mu.Unlock()
	o.show(w, "orders", map[string]any{"Who": who(r), "Orders": orders})
}

// ship is a form as old programs have them: nothing in it tells where it came from.
func (o *Office) ship(w http.ResponseWriter, r *http.Request) {
	id := r.PostFormValue("id")
	o.mu.Lock()
	at := slices.IndexFunc(o.orders, func(x Order) bool { return x.ID == id })
	if at >= 0 {
		o.orders[at].Shipped = true
	}
	o.mu.Unlock()
	if at < 0 {
		http.Error(w, "no such order", http.StatusNotFound)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// admin asks nobody who they are: the proxy lets owners through only.
func (o *Office) admin(w http.ResponseWriter, r *http.Request) {
	o.show(w, "admin", map[string]any{"Who": who(r)})
}

// about is open to everybody: nobody is named here.
func (o *Office) about(w http.ResponseWriter, r *http.Request) {
	o.show(w, "about", map[string]any{"Who": who(r)})
}

// signed tells who the assertion names, or what is wrong with it.
func (o *Office) signed(w http.ResponseWriter, r *http.Request) {
	claims, err := o.verify.Verify(r.Context(), r.Header.Get("X-Zhanggui-Assertion"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	o.show(w, "signed", claims)
}

// clock streams the time, once a second, for as long as the reader listens.
func (o *Office) clock(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for now := time.Now(); ; {
		if _, err := fmt.Fprintf(w, "data: %s\n\n", now.Format(time.TimeOnly)); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case now = <-tick.C:
		}
	}
}

func (o *Office) show(w http.ResponseWriter, page string, data any) {
	var b strings.Builder
	if err := pages.ExecuteTemplate(&b, page, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(b.String())) // an error means that the reader is gone
}
