package wechatsim_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dear is a sku on sale that is dear and plenty enough for a discount.
func (g *rig) dear() (product, sku string, price int64) {
	g.t.Helper()
	for _, id := range g.walk("product/list/get", "product_ids", `{"page_size":30,"status":5,"next_key":%q}`) {
		sku := reply(g.live(id).list("skus")[0].(map[string]any))
		price, _ := strconv.ParseInt(sku.str("sale_price"), 10, 64)
		stock, _ := strconv.Atoi(sku.str("stock_num"))
		if price > 2000 && stock > 2 {
			return id, sku.str("sku_id"), price
		}
	}
	g.t.Fatal("no dear product")
	return "", "", 0
}

const (
	addTask   = "product/limiteddiscounttask/add"
	listTasks = "product/limiteddiscounttask/list/get"
	stopTask  = "product/limiteddiscounttask/stop"
	dropTask  = "product/limiteddiscounttask/delete"
)

// task is a body of limiteddiscounttask/add: half price from begin to end.
func task(product, sku string, price int64, begin, end time.Time) string {
	return fmt.Sprintf(`{"product_id":%q,"start_time":%d,"end_time":%d,"limited_discount_skus":[{"sku_id":%q,"sale_price":%d,"sale_stock":2}]}`,
		product, begin.Unix(), end.Unix(), sku, price)
}

func TestDiscountLives(t *testing.T) {
	g := newRig(t)
	product, sku, price := g.dear()
	whole := task(product, sku, price/2, start.Add(time.Hour), start.Add(2*time.Hour))
	id := g.shop(addTask, whole).str("task_id")
	one := fmt.Sprintf(`{"task_id":%q}`, id)
	state := func(want string) {
		t.Helper()
		list := g.shop(listTasks, "{}")
		if list.str("total_num") != "1" {
			t.Fatalf("list: %v", list)
		}
		if got := reply(list.list("limited_discount_tasks")[0].(map[string]any)); got.str("status") != want || got.str("task_id") != id || len(got.list("limited_discount_skus")) != 1 {
			t.Errorf("task: %v, want status %s", got, want)
		}
	}
	limited := func(want string) {
		t.Helper()
		body := fmt.Sprintf(`{"product_id":%q,"sku_id":%q}`, product, sku)
		if got := g.shop("product/stock/get", body).obj("data"); got.str("limited_discount_stock_num") != want {
			t.Errorf("stock: %v, want %s limited", got, want)
		}
	}
	state("0")
	limited("2")
	g.story(
		step{addTask, whole, "10020077"},
		step{dropTask, one, "10020077"},
	)
	g.Advance(time.Hour)
	state("1")
	g.story(
		step{dropTask, one, "10020077"},
		step{stopTask, one, "0"},
		step{stopTask, one, "10020077"},
	)
	state("2")
	limited("0")
	g.story(
		step{dropTask, one, "0"},
		step{dropTask, one, "10020076"},
		step{stopTask, one, "10020076"},
		step{stopTask, "{}", "10020051"},
		step{dropTask, "{}", "10020051"},
	)
	id = g.shop(addTask, whole).str("task_id")
	state("1")
	g.Advance(time.Hour)
	state("2")
}

func TestDiscountIsStrict(t *testing.T) {
	g := newRig(t)
	product, sku, price := g.dear()
	good := task(product, sku, price/2, start, start.Add(time.Hour))
	at := func(begin, end time.Duration) string {
		return task(product, sku, price/2, start.Add(begin), start.Add(end))
	}
	of := func(price int64) string { return task(product, sku, price, start, start.Add(time.Hour)) }
	for name, tt := range map[string]struct{ body, want string }{
		"no product":          {strings.Replace(good, `"product_id"`, `"x"`, 1), "10020051"},
		"unknown product":     {task("1", sku, price/2, start, start.Add(time.Hour)), "10020052"},
		"unknown sku":         {task(product, "1", price/2, start, start.Add(time.Hour)), "10020052"},
		"no sku":              {strings.Replace(good, `"sku_id"`, `"x"`, 1), "10020051"},
		"no skus":             {strings.Replace(good, `"limited_discount_skus"`, `"x"`, 1), "10020051"},
		"skus as an object":   {`{"limited_discount_skus":{}}`, "47001"},
		"start as text":       {`{"start_time":"now"}`, "47001"},
		"too long ago":        {at(-11*time.Minute, time.Hour), "10020051"},
		"over already":        {at(-9*time.Minute, -time.Minute), "10020051"},
		"end first":           {at(2*time.Hour, time.Hour), "10020051"},
		"longer than a day":   {at(0, 24*time.Hour+time.Second), "10020051"},
		"in more than a year": {at(365*24*time.Hour, 365*24*time.Hour+time.Second), "10020051"},
		"not cheap enough":    {of(price*86/100 + 1), "10020051"},
		"given away":          {of(price / 11), "10020051"},
		"for a debt":          {of(-1), "10020051"},
		"more than there is":  {strings.Replace(good, `"sale_stock":2`, `"sale_stock":100000`, 1), "10020051"},
		"none":                {strings.Replace(good, `"sale_stock":2`, `"sale_stock":0`, 1), "10020051"},
	} {
		if got := g.shop(addTask, tt.body); got.code() != tt.want {
			t.Errorf("%s: %v, want %s", name, got, tt.want)
		}
	}
	g.story(
		step{listTasks, `{"status":3}`, "10020051"},
		step{listTasks, `{"page_size":51}`, "10020051"},
		step{listTasks, `{"next_key":"eHh"}`, "10020051"},
		step{addTask, at(-9*time.Minute, time.Hour), "0"},
	)
}

func TestDiscountPages(t *testing.T) {
	g := newRig(t)
	product, sku, price := g.dear()
	for range 3 {
		id := g.shop(addTask, task(product, sku, price/2, start, start.Add(time.Hour))).str("task_id")
		g.story(step{stopTask, `{"task_id":"` + id + `"}`, "0"})
	}
	first := g.shop(listTasks, `{"status":2,"page_size":2}`)
	rest := g.shop(listTasks, fmt.Sprintf(`{"status":2,"page_size":2,"next_key":%q}`, first.str("next_key")))
	if len(first.list("limited_discount_tasks")) != 2 || len(rest.list("limited_discount_tasks")) != 1 || rest.str("total_num") != "3" {
		t.Errorf("pages: %v and %v", first, rest)
	}
	if none := g.shop(listTasks, `{"status":1}`); none.str("total_num") != "0" {
		t.Errorf("running: %v", none)
	}
}
