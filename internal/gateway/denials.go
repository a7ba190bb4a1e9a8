package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/catalogue"
	"github.com/zhanggui/zhanggui/internal/web"
)

// The refusals of the policy. They say which rule it was, and the command with which
// an operator can change it. What stands in them of a client or a path is ours: the id
// as it was declared, the path as the catalogue writes it.

func errAddress(client string) error {
	return &web.Error{
		Status: http.StatusForbidden, Code: "address-not-allowed", Rule: "from",
		EN: "This client may not call from this address.", ZH: "该客户端不允许从此地址调用。",
		NextEN: "Call from one of the addresses that were declared for the client, or ask the operator to add this one: zhanggui client grant " + client + " --from ADDRESS.",
		NextZH: "请从已登记的地址调用，或请管理员添加此地址：zhanggui client grant " + client + " --from ADDRESS。",
	}
}

func errReadOnly(client string) error {
	return &web.Error{
		Status: http.StatusForbidden, Code: "read-only", Rule: "mode:read",
		EN: "This client may read, and this path writes or is not known to read.", ZH: "该客户端仅有读取权限，而此接口会写入或无法确认为只读。",
		NextEN: "Ask the operator for writing: zhanggui client grant " + client + " --mode write.",
		NextZH: "请向管理员申请写入权限：zhanggui client grant " + client + " --mode write。",
	}
}

// errGroup is for a path of a group that the client was not granted, or of none.
func errGroup(client string, e *catalogue.Endpoint) *web.Error {
	if e == nil {
		return &web.Error{
			Status: http.StatusForbidden, Code: "path-not-granted", Rule: "path:" + catalogue.Other,
			EN: "This path is not in the catalogue, and this client may call paths of some groups only.", ZH: "此接口不在目录中，而该客户端仅可调用部分分组的接口。",
			NextEN: "Check the path. If it is new at WeChat, the operator adds it to the catalogue file, or lets the client call every ordinary group: zhanggui client grant " + client + " --group all.",
			NextZH: "请核对接口路径。若为微信新增接口，请管理员将其加入目录文件，或开放全部普通分组：zhanggui client grant " + client + " --group all。",
		}
	}
	return &web.Error{
		Status: http.StatusForbidden, Code: "group-not-granted", Rule: "group:" + e.Group,
		EN: "This client was not granted the group of this path.", ZH: "该客户端未获授权调用此接口所属的分组。",
		NextEN: "Ask the operator: zhanggui client grant " + client + " --group " + e.Group + ", or for this path alone --path " + e.Path + ".",
		NextZH: "请向管理员申请：zhanggui client grant " + client + " --group " + e.Group + "，或仅申请此接口 --path " + e.Path + "。",
	}
}

// errNamed is for a path that moves money or shows personal data.
func errNamed(client, path string) error {
	grant := "zhanggui client grant " + client + " --path '" + path + "=10'"
	return &web.Error{
		Status: http.StatusForbidden, Code: "named-path", Rule: "path:" + path,
		EN: "This path moves money or shows personal data; it is granted by name only.", ZH: "此接口涉及资金或个人信息，须按名称单独授权。",
		NextEN: "Ask the operator, with the number of calls a day that are needed: " + grant + ".",
		NextZH: "请向管理员申请，并说明每日所需次数：" + grant + "。",
	}
}

func errCap(u access.Use) error {
	return &web.Error{
		Status: http.StatusForbidden, Code: "daily-cap", Rule: "path:" + u.Path, RetryAfter: u.NextDay().Sub(u.At),
		EN: "The client called this path of the shop as often as it may today. WeChat was not asked.", ZH: "该客户端今日对此店铺调用此接口的次数已用完，尚未请求微信。",
		NextEN: "Wait for the next day of China's time, or ask the operator for more: zhanggui client grant " + u.ClientID + " --path '" + u.Path + "=" + strconv.Itoa(2*u.Daily) + "'.",
		NextZH: "请等到次日(北京时间)，或请管理员提高次数：zhanggui client grant " + u.ClientID + " --path '" + u.Path + "=" + strconv.Itoa(2*u.Daily) + "'。",
	}
}

func errPace(client string, wait time.Duration) error {
	return &web.Error{
		Status: http.StatusTooManyRequests, Code: "rate", Rule: "rate", RetryAfter: wait,
		EN: "The client calls faster than it may. WeChat was not asked.", ZH: "该客户端调用过快，尚未请求微信。",
		NextEN: "Repeat after the given time, or ask the operator for a higher rate: zhanggui client grant " + client + " --rate PER_SECOND.",
		NextZH: "请在提示的时间后重试，或请管理员提高速率：zhanggui client grant " + client + " --rate PER_SECOND。",
	}
}

// errSets is for a call that WeChat would refuse with 48001 or 61007.
func errSets(sets []int64) error {
	var zh, en []string
	for _, id := range sets {
		s, number := catalogue.SetOf(id), strconv.FormatInt(id, 10)
		zh, en = append(zh, number+" "+s.ZH), append(en, number+" ("+s.EN+")")
	}
	return &web.Error{
		Status: http.StatusForbidden, Code: "permission-set", Rule: ruleOfSets(sets),
		EN:     "The shop did not grant the platform any permission set that this path needs: " + strings.Join(en, " or ") + ". WeChat was not asked; it would answer 48001 or 61007.",
		ZH:     "店铺未向第三方平台授权此接口所需的任一权限集：" + strings.Join(zh, " 或 ") + "。尚未请求微信(微信会返回 48001 或 61007)。",
		NextEN: "See that the set is published for the platform, and have the shop's owner update the authorisation; it counts as soon as WeChat told of it.",
		NextZH: "请确认平台已全网发布该权限集，并请店主更新授权；微信通知后即可生效。",
	}
}
