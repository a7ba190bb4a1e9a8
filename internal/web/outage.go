package web

import (
	"net/http"
	"time"

	"github.com/zhanggui/zhanggui/internal/outage"
)

// CodeDatabase is the code of every answer that lacks the database.
const CodeDatabase = "database-down"

// askAgain is when callers are told to come back.
const askAgain = 5 * time.Second

// outages are the words for each kind. Who asks again without the operator's help
// asks soon; a disk is not mended in seconds.
var outages = map[outage.Kind]struct {
	en, zh, nextEN, nextZH string
	again                  time.Duration
}{
	outage.Away: {"The database does not answer. This cannot be done without it.", "数据库没有响应，此操作需要数据库。",
		"Repeat after the given time. The operator brings the database back; the server goes on by itself then.",
		"请在提示的时间后重试。管理员恢复数据库后，服务会自动继续。", askAgain},
	outage.Busy: {"The database is busy, and was not free in time.", "数据库正忙，未能及时处理。",
		"Repeat after the given time. If it stays so, the operator looks what holds the database.",
		"请在提示的时间后重试。若一直如此，请管理员检查数据库被谁占用。", askAgain},
	outage.Full: {"The database's disk is full.", "数据库所在磁盘已满。",
		"Tell the operator to free some space there; the server goes on by itself then.",
		"请通知管理员清理磁盘空间，之后服务会自动继续。", 6 * askAgain},
	outage.Broken: {"The database cannot be used: its disk, its files or its settings do not allow it.", "数据库无法使用：磁盘、文件或配置有问题。",
		"Tell the operator; the server's log says what to mend.",
		"请通知管理员，修复方法见服务器日志。", 6 * askAgain},
}

// noDatabase puts an outage into words. err is what it was found in.
func noDatabase(o *outage.Error, err error) *Error {
	w := outages[o.Kind]
	e := &Error{Status: http.StatusServiceUnavailable, Code: CodeDatabase, RetryAfter: w.again, Err: err,
		EN: w.en, ZH: w.zh, NextEN: w.nextEN, NextZH: w.nextZH}
	if !o.Since.IsZero() {
		at := o.Since.UTC().Format("2006-01-02 15:04:05Z")
		e.EN = "The database does not answer since " + at + ". This cannot be done without it."
		e.ZH = "数据库自 " + at + " 起没有响应，此操作需要数据库。"
	}
	if o.Unsure {
		e.EN += " What was to be changed may have been changed all the same."
		e.ZH += "更改也可能已经生效。"
		e.NextEN, e.NextZH = "Look first whether it took effect, once the database is back; then repeat.", "数据库恢复后，请先确认更改是否已生效，再决定是否重试。"
	}
	return e
}
