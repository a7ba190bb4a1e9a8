package rotate

import (
	"fmt"

	"github.com/zhanggui/zhanggui/internal/access"
)

// Refusal says why a step is not made, with what to do instead, for operators. Nothing
// was changed.
type Refusal struct {
	Code           string // a word for programs
	EN, ZH         string // what is wrong
	NextEN, NextZH string // what to do
	Err            error  // below it; may be nil
}

// Error gives the English words.
func (r *Refusal) Error() string { return "rotate: " + r.EN + " " + r.NextEN }

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

func underWay(r access.Rotation) error {
	return &Refusal{Code: "rotation-under-way",
		EN: fmt.Sprintf("Rotation %s of the same thing is under way; %s began it.", r.ID, r.By), ZH: fmt.Sprintf("同一密钥的轮换 %s 正在进行，由 %s 发起。", r.ID, r.By),
		NextEN: "Go on with that one, or end it with rotate back.", NextZH: "请继续该轮换，或用 rotate back 结束它。"}
}

func notNow(r access.Rotation) error {
	return &Refusal{Code: "rotation-state",
		EN: fmt.Sprintf("Rotation %s is %q, where this step is not possible.", r.ID, r.State), ZH: fmt.Sprintf("轮换 %s 的状态为 %q，不能执行此步骤。", r.ID, r.State),
		NextEN: "See what is possible with rotate status; somebody else may have gone on meanwhile.", NextZH: "请用 rotate status 查看；可能已有他人继续操作。"}
}

func wrongKind(kind access.RotationKind, subject string) error {
	return &Refusal{Code: "rotation-kind",
		EN: fmt.Sprintf("%q has nothing that a rotation of kind %s replaces.", subject, kind), ZH: fmt.Sprintf("%q 没有可用 %s 轮换的内容。", subject, kind),
		NextEN: "Name an app or shop with a secret of its own, a platform, or a live client.", NextZH: "请填写自有密钥的应用或店铺、第三方平台，或有效的程序。"}
}

func unknownKind() error {
	return &Refusal{Code: "rotation-kind", EN: "There is no such kind of rotation.", ZH: "没有此类轮换。",
		NextEN: "Use app-secret, component-secret, push-token, aes-key or client.", NextZH: "可用 app-secret、component-secret、push-token、aes-key 或 client。"}
}

func untilOver() error {
	return &Refusal{Code: "rotation-until", EN: "The time at which the first key ends is over.", ZH: "旧密钥的截止时间已过。",
		NextEN: "Name a later one, or none and end the key with rotate finish.", NextZH: "请填写更晚的时间，或不填并用 rotate finish 结束旧密钥。"}
}

func oddForm(kind access.RotationKind) error {
	forms := map[access.RotationKind][2]string{
		access.RotatePushToken: {"3 to 32 letters and digits", "3 到 32 位字母或数字"},
		access.RotateAESKey:    {"43 letters and digits", "43 位字母或数字"},
	}
	form, ok := forms[kind]
	if !ok {
		form = [2]string{"up to 128 visible characters, without spaces", "不超过 128 个可见字符，不含空格"}
	}
	return &Refusal{Code: "secret-form", EN: "That cannot be it: it has " + form[0] + ".", ZH: "格式不符，应为：" + form[1] + "。",
		NextEN: "Copy it again.", NextZH: "请重新复制。"}
}

func sameSecret() error {
	return &Refusal{Code: "secret-same", EN: "That is the one that is in use.", ZH: "这正是当前使用的密钥。",
		NextEN: "Reset it at WeChat first, then enter the new one.", NextZH: "请先在微信后台重置，再输入新的。"}
}

// wrongSecret says whose it is, if it is another app's.
func wrongSecret(refused error, of string) error {
	r := &Refusal{Code: "secret-wrong", Err: refused,
		EN: "WeChat refuses this secret; nothing was changed.", ZH: "微信不接受此密钥；未做任何更改。",
		NextEN: "Copy it again from WeChat's console; it is shown once, and reset again if it is lost.", NextZH: "请从微信后台重新复制；密钥只显示一次，遗失须再次重置。"}
	if of != "" {
		r.Code, r.EN, r.ZH = "secret-of-another", fmt.Sprintf("That is the secret of app %q; nothing was changed.", of), fmt.Sprintf("这是应用 %q 的密钥；未做任何更改。", of)
	}
	return r
}

func noWayBack(err error) error {
	return &Refusal{Code: "no-way-back", Err: err,
		EN: "WeChat does not take the secret before any more; the new one stays in use.", ZH: "微信已不接受旧密钥；继续使用新密钥。",
		NextEN: "Finish the rotation.", NextZH: "请完成轮换。"}
}

func notSeen(r access.Rotation) error {
	return &Refusal{Code: "new-not-seen",
		EN: "The new one was not used yet; without the old one nothing would work.", ZH: "新的尚未被使用；删除旧的会导致中断。",
		NextEN: "Enter the new one where it belongs first, or finish with force.", NextZH: "请先在对应位置填入新的，或强制完成。"}
}

func changedElsewhere(r access.Rotation) error {
	return &Refusal{Code: "changed-elsewhere",
		EN: fmt.Sprintf("What rotation %s replaces was changed by other means meanwhile.", r.ID), ZH: fmt.Sprintf("轮换 %s 的对象已被以其他方式更改。", r.ID),
		NextEN: "End it with rotate back, which then changes nothing, and begin again if needed.", NextZH: "请用 rotate back 结束它（不会更改任何内容），必要时重新开始。"}
}
