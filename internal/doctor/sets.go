package doctor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// sets compares the permission sets that a shop granted with those that are needed by
// the paths that its clients call, or are granted by name or by group.
func (d *Doctor) sets(ctx context.Context, at place) []Finding {
	if at.app.Kind != access.Component {
		return nil
	}
	a, err := d.o.Platforms.Authorizer(ctx, at.app.ID, at.shop.AppID)
	if errors.Is(err, access.ErrNotFound) || errors.Is(err, grant.ErrNotFound) {
		return nil
	}
	if err != nil {
		return unread(err)
	}
	if a.CheckedAt.IsZero() && len(a.Sets) == 0 {
		return []Finding{ill(Unknown, text("WeChat has not told yet what the shop granted", "尚未得知店铺授予的权限集"), text("wait for the next comparison: zhanggui reconcile", "请等待下次对账：zhanggui reconcile"), "")}
	}
	clients, err := d.o.Directory.Clients(ctx)
	if err != nil {
		return unread(err)
	}
	called, err := d.called(ctx, clients, at.shop.ID)
	if err != nil {
		return unread(err)
	}
	found := d.lacking(a.Sets, called, Wrong, text("programs call what the shop did not grant to the platform", "程序正在调用店铺未授予平台的权限集"))
	found = append(found, unset(a.Sets, d.o.Usage.Unset(at.shop.ID), found)...)
	if len(found) == 0 {
		found = d.lacking(a.Sets, d.granted(clients, at.shop.ID), Warning, text("programs may call what the shop did not grant to the platform", "程序获准调用的接口中有店铺未授予平台的权限集"))
	}
	if len(found) == 0 {
		found = []Finding{fine(text("the shop granted what its programs call", "店铺已授予程序所需的权限集"))}
	}
	for i := range found {
		found[i].Proof = append(found[i].Proof, fact("granted", numbers(a.Sets)), count("paths_called", len(called)), moment("told_at", a.CheckedAt))
	}
	return found
}

// Of a shop with more clients than these, the first count.
const lookedAt = 100

// calledFor is how long ago a call may have been to count.
const calledFor = 30 * 24 * time.Hour

// called are the paths that clients called for a shop: those of the last days, and
// those of the last minutes that are not written yet.
func (d *Doctor) called(ctx context.Context, clients []access.Client, shop string) (paths []string, err error) {
	since := access.DayOf(d.o.Now().Add(-calledFor))
	n := 0
	for _, c := range clients {
		if n >= lookedAt || !c.Holds(shop) || !c.Live(d.o.Now()) {
			continue
		}
		n++
		at, err := d.o.Usage.PathsAt(ctx, c.ID, shop, since)
		if err != nil {
			return nil, err
		}
		paths = append(paths, at...)
	}
	states, _ := d.o.Usage.Quotas(shop)
	for _, s := range states {
		paths = append(paths, s.Path)
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// granted are the paths that clients of a shop are granted by name or by group.
// Nobody means all of them by asking for none.
func (d *Doctor) granted(clients []access.Client, shop string) (paths []string) {
	now := d.o.Now()
	for _, c := range clients {
		if !c.Holds(shop) || !c.Live(now) {
			continue
		}
		for _, p := range c.Rights.Paths {
			paths = append(paths, p.Path)
		}
		groups, err := catalogue.GroupBits(c.Rights.Groups)
		if err != nil || len(c.Rights.Groups) == 0 {
			continue
		}
		for e := range d.o.Catalogue.All() {
			if e.In(groups) {
				paths = append(paths, e.Path)
			}
		}
	}
	return paths
}

// lacking gives one finding for each set that paths need and that is not held.
func (d *Doctor) lacking(held []int64, paths []string, v Verdict, cause notice.Text) []Finding {
	missing := map[int64][]string{}
	for _, p := range paths {
		e, ok := d.o.Catalogue.Lookup(p)
		if !ok || len(e.Sets) == 0 || slices.ContainsFunc(e.Sets, func(s int64) bool { return slices.Contains(held, s) }) {
			continue
		}
		if !slices.Contains(missing[e.Sets[0]], e.Path) {
			missing[e.Sets[0]] = append(missing[e.Sets[0]], e.Path)
		}
	}
	var found []Finding
	for id, needed := range missing {
		slices.Sort(needed)
		f := lack(v, cause, id)
		f.Proof = append(f.Proof, fact("for", strings.Join(needed[:min(len(needed), 3)], " ")), count("paths", len(needed)))
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Compare(a.Proof[0].Value, b.Proof[0].Value) })
	return found
}

// lack is the finding that a set is missing.
func lack(v Verdict, cause notice.Text, id int64) Finding {
	set, number := catalogue.SetOf(id), strconv.FormatInt(id, 10)
	f := ill(v, cause, text("have the platform ask for "+set.EN+" (set "+number+"), publish it, and the owner authorise again",
		"请为平台申请「"+set.ZH+"」(权限集 "+number+")并发布，再由店主重新授权"), pageSets, fact("missing_set", number+" "+set.ZH))
	f.ErrCode = 61007
	return f
}

// unset gives one finding for each set for want of which calls were refused here, but
// those that were found already.
func unset(held []int64, refusals []SetRefusal, already []Finding) (found []Finding) {
	for _, r := range refusals {
		if len(r.Sets) == 0 || slices.ContainsFunc(r.Sets, func(s int64) bool { return slices.Contains(held, s) }) {
			continue
		}
		f := lack(Wrong, text("calls were refused because the shop did not grant what they need to the platform", "有调用因店铺未授予平台所需权限集而被拒绝"), r.Sets[0])
		if !slices.ContainsFunc(already, func(o Finding) bool { return o.Proof[0] == f.Proof[0] }) {
			f.Proof = append(f.Proof, count("refused", r.Times), moment("last_refused", r.Last))
			found = append(found, f)
		}
	}
	return found
}

// numbers writes ids behind each other.
func numbers(ids []int64) string {
	texts := make([]string, 0, len(ids))
	for _, id := range ids {
		texts = append(texts, strconv.FormatInt(id, 10))
	}
	return strings.Join(texts, " ")
}
