package doctor

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/grant"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// houseChecks look at the server itself. None asks WeChat.
var houseChecks = []check{
	{name: "health", run: (*Doctor).health},
	{name: "clock", run: (*Doctor).clock},
	{name: "disk", run: (*Doctor).disk},
	{name: "database", run: (*Doctor).database},
	{name: "key", run: (*Doctor).keys},
	{name: "channels", run: (*Doctor).channels},
	{name: "public", run: (*Doctor).public},
}

// fleetChecks look at many shops together, in place of the checks of each.
var fleetChecks = []check{
	{name: "grants", run: (*Doctor).grants},
	{name: "stranger", run: (*Doctor).strangers},
}

func (d *Doctor) health(ctx context.Context, _ place) []Finding {
	troubles := d.o.House.Health(ctx)
	if len(troubles) == 0 {
		return []Finding{fine(text("WeChat and the database answer", "微信与数据库均有应答"))}
	}
	var found []Finding
	for _, t := range troubles {
		f := ill(Wrong, t.What, text("it goes on by itself when that is back; look at network and firewall", "恢复后系统会自动继续；请检查网络与防火墙"), "")
		if !t.Since.IsZero() {
			f.Proof = []Fact{moment("since", t.Since)}
		}
		found = append(found, f)
	}
	return found
}

func (d *Doctor) clock(context.Context, place) []Finding {
	c := d.o.House.Clock()
	proof := []Fact{span("behind", c.Behind), count("answers_compared", c.Samples)}
	if c.Samples > 0 {
		proof = append(proof, span("ahead_of_wechat", c.Skew), span("within", c.Within))
	}
	next := text("set the clock right by NTP, then see zhanggui clock", "请用 NTP 校准时钟，再用 zhanggui clock 查看")
	switch {
	case c.Stopped:
		return []Finding{ill(Wrong, text("the clock is behind a time that was seen before; logins and alerts stand still", "时钟落后于已见过的时间，登录与告警已暂停"), next, "", proof...)}
	case c.Wrong:
		return []Finding{ill(Wrong, text("the clock differs from WeChat's", "时钟与微信的时间不一致"), next, "", proof...)}
	case c.Samples == 0:
		return []Finding{fine(text("nothing speaks against the clock; WeChat was not asked yet", "未发现时钟异常；尚未与微信比对"), proof...)}
	}
	return []Finding{fine(text("the clock agrees with WeChat's", "时钟与微信一致"), proof...)}
}

// The least that the data directory's disk should have free.
const (
	diskWarn  = 2 << 30
	diskWrong = 200 << 20
)

func (d *Doctor) disk(context.Context, place) []Finding {
	disk, err := d.o.House.Disk()
	if err != nil {
		return []Finding{ill(Unknown, text("the system does not tell how full the disk is", "系统未提供磁盘空间信息"),
			text("look at the disk of the data directory", "请自行查看数据目录所在磁盘"), "")}
	}
	proof := []Fact{count("free_mb", int64(disk.Free>>20)), count("total_mb", int64(disk.Total>>20))}
	next := text("make room on the disk of the data directory, or move it to a larger one", "请清理数据目录所在磁盘，或迁移到更大的磁盘")
	switch {
	case disk.Free < diskWrong:
		return []Finding{ill(Wrong, text("the disk of the data directory is full", "数据目录所在磁盘已满"), next, "", proof...)}
	case disk.Free < diskWarn && disk.Free < disk.Total/10:
		return []Finding{ill(Warning, text("the disk of the data directory is nearly full", "数据目录所在磁盘即将写满"), next, "", proof...)}
	}
	return []Finding{fine(text("the disk has room", "磁盘空间充足"), proof...)}
}

// What a database should stay below.
const (
	slowDatabase = 500 * time.Millisecond
	largeWAL     = 1 << 30
)

func (d *Doctor) database(ctx context.Context, _ place) []Finding {
	db, err := d.o.House.Database(ctx)
	proof := []Fact{fact("kind", db.Kind), span("answered_in", db.Took)}
	if db.Bytes >= 0 {
		proof = append(proof, count("size_kb", db.Bytes>>10))
	}
	if db.WAL >= 0 {
		proof = append(proof, count("wal_kb", db.WAL>>10))
	}
	next := text("look at load and disk of the database", "请检查数据库的负载与磁盘")
	switch {
	case err != nil:
		return []Finding{ill(Wrong, text("the database does not answer", "数据库无应答"),
			text("start it, or look at the network to it", "请启动数据库，或检查到它的网络"), "", proof...)}
	case len(db.Problem) > 0:
		return []Finding{ill(Warning, text("the shared database is not wholly at work: "+strings.Join(db.Problem, "; "), "共享数据库未完全正常："+strings.Join(db.Problem, "；")), next, "", proof...)}
	case db.Took > slowDatabase:
		return []Finding{ill(Warning, text("the database is slow", "数据库应答缓慢"), next, "", proof...)}
	case db.WAL > largeWAL:
		return []Finding{ill(Warning, text("the write-ahead log has grown large", "预写日志过大"),
			text("end long readers of the database file, such as a backup that hangs", "请结束长时间读取数据库文件的进程，例如卡住的备份"), "", proof...)}
	}
	return []Finding{fine(text("the database answers", "数据库应答正常"), proof...)}
}

// oldKey is how old a master key may be before somebody should think of another.
const oldKey = 365 * 24 * time.Hour

func (d *Doctor) keys(context.Context, place) []Finding {
	k := d.o.House.Keys()
	proof := []Fact{fact("master_key", k.Where), count("keys", len(k.Kept))}
	if !k.Since.IsZero() {
		proof = append(proof, moment("master_key_since", k.Since))
	}
	switch {
	case k.Open:
		return []Finding{ill(Wrong, text("others on this machine may read the master key", "本机其他用户可读取主密钥"),
			text("chmod 600 its file, then think of rotating what it sealed", "请对该文件执行 chmod 600，并考虑轮换其加密的内容"), "", proof...)}
	case !k.Since.IsZero() && d.o.Now().Sub(k.Since) > oldKey:
		return []Finding{ill(Warning, text("the master key is older than a year", "主密钥已使用超过一年"),
			text("wrap the keyset with a new one: zhanggui key", "请更换主密钥：zhanggui key"), "", proof...)}
	}
	return []Finding{fine(text("the keys are in order", "密钥正常"), proof...)}
}

// Ages of notices that nobody got.
const (
	lateNotice = 15 * time.Minute
	lostNotice = 24 * time.Hour
	lookBack   = 50 // notices
)

// channelsPage is the console's page of channels.
const channelsPage = "/admin/channels"

func (d *Doctor) channels(ctx context.Context, _ place) []Finding {
	names, err := d.o.House.Channels(ctx)
	if err != nil {
		return unread(err)
	}
	pending, oldest, err := d.o.Notices.NoticeBacklog(ctx)
	if err != nil {
		return unread(err)
	}
	recent, err := d.o.Notices.Notices(ctx, false, lookBack)
	if err != nil {
		return unread(err)
	}
	age := time.Duration(0)
	if pending > 0 {
		age = d.o.Now().Sub(oldest)
	}
	proof := []Fact{count("channels", len(names)), count("waiting", pending), span("oldest_waits", age), count("given_up_lately", givenUp(recent))}
	next := text("try the channels: zhanggui notice test", "请测试通知渠道：zhanggui notice test")
	switch sealed := d.o.House.Unopened(); {
	case len(sealed) > 0:
		return []Finding{ill(Wrong, text("the secret of a channel cannot be opened: "+strings.Join(sealed, ", "), "渠道的密文无法解密："+strings.Join(sealed, "、")),
			text("give this server the key that it was sealed with, or remove the channel with zhanggui channel remove and make it again",
				"请为本服务器提供加密所用的密钥，或用 zhanggui channel remove 删除后重建"), channelsPage, proof...)}
	case len(names) == 0:
		return []Finding{ill(Warning, text("nobody is told when something breaks: there is no channel but the log", "出现问题时无人会收到通知：除日志外没有通知渠道"),
			text("make one: zhanggui channel add, or write it into the configuration; docs/operate/channels.md says how", "请新建通知渠道：zhanggui channel add，或写入配置；做法见 docs/operate/channels.md"), channelsPage, proof...)}
	case age > lostNotice:
		return []Finding{ill(Wrong, text("notices wait for more than a day", "有通知等待超过一天仍未送出"), next, channelsPage, proof...)}
	case age > lateNotice || givenUp(recent) > 0:
		return []Finding{ill(Warning, text("some channel does not take notices", "有通知渠道未能接收通知"), next, channelsPage, append(proof, refusing(recent)...)...)}
	}
	return []Finding{fine(text("notices leave", "通知正常送出"), proof...)}
}

// givenUp counts deliveries that failed for good. What a channel was owed that somebody
// removed is nothing to mend.
func givenUp(recent []notice.Record) int {
	n := 0
	for _, r := range recent {
		for _, d := range r.Deliveries {
			if d.State == notice.Failed && d.Reason != notice.ReasonGone {
				n++
			}
		}
	}
	return n
}

// refusing names channels that do not take notices, with the reason.
func refusing(recent []notice.Record) (facts []Fact) {
	for _, r := range recent {
		for _, d := range r.Deliveries {
			f := fact("channel", plain(d.Channel+": "+d.Reason, 120))
			if d.Reason != "" && d.Reason != notice.ReasonGone && d.State != notice.Sent && !slices.Contains(facts, f) {
				facts = append(facts, f)
			}
		}
	}
	return facts[:min(len(facts), 5)]
}

// unwellShown is how many shops are named whose grant is not active.
const unwellShown = 10

func (d *Doctor) grants(ctx context.Context, _ place) []Finding {
	states := map[grant.State]int{}
	var unwell []string
	for last := ""; ; {
		page, err := d.o.Grants.GrantsAfter(ctx, last, 1000)
		if err != nil {
			return unread(err)
		}
		for _, g := range page {
			states[g.State]++
			if (g.State == grant.NeedsOwner || g.State == grant.Stopped) && g.ShopID != "" && len(unwell) < unwellShown {
				unwell = append(unwell, g.ShopID)
			}
		}
		if len(page) < 1000 {
			break
		}
		last = page[len(page)-1].ID
	}
	var proof []Fact
	for s, n := range states {
		proof = append(proof, count(string(s), n))
	}
	slices.SortFunc(proof, func(a, b Fact) int { return cmp.Compare(a.Name, b.Name) })
	if len(unwell) == 0 {
		return []Finding{fine(text("no shop waits for anybody", "没有店铺等待处理"), proof...)}
	}
	proof = append(proof, fact("shops", strings.Join(unwell, " ")))
	return []Finding{ill(Wrong, text("shops are not served because somebody must act", "有店铺因等待人工处理而无法服务"),
		text("examine each: zhanggui doctor SHOP", "请逐一检查：zhanggui doctor 店铺"), "", proof...)}
}
