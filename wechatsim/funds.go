package wechatsim

import (
	"slices"
	"strconv"
)

// fundsRoutes are the calls about money.
var fundsRoutes = map[string]route{
	"/channels/ec/funds/getbalance":         post(fundsSets, (*Sim).fundsBalance),
	"/channels/ec/funds/getbankacct":        post(fundsSets, (*Sim).fundsAccount),
	"/channels/ec/funds/setbankacct":        post(fundsSets, (*Sim).fundsSetAccount),
	"/channels/ec/funds/getfundsflowlist":   post([]int{138, 141}, (*Sim).fundsFlowList),
	"/channels/ec/funds/getfundsflowdetail": post([]int{138, 141}, (*Sim).fundsFlowGet),
	"/channels/ec/funds/getwithdrawlist":    post(fundsSets, (*Sim).withdrawList),
	"/channels/ec/funds/getwithdrawdetail":  post(fundsSets, (*Sim).withdrawGet),
	"/channels/ec/funds/submitwithdraw":     post(fundsSets, (*Sim).withdrawSubmit),
}

var fundsSets = []int{138}

// withdrawal is money on its way to the bank. It waits until the owner scans
// the code that submitwithdraw returned, which nobody does here.
type withdrawal struct {
	amount         int64
	remark, memo   string
	created        int64
	status, reason string
}

const (
	firstWithdrawal = 1_000_000_001
	subMerchant     = "1600000001"
)

// money adds up what the orders brought: free once an order is done, on hold
// before.
func (sh *shop) money() (available, pending int64) {
	for _, f := range sh.flows() {
		if f.order.status == orderDone {
			available += f.amount
		} else {
			pending += f.amount
		}
	}
	k := &sh.desk().withdrawals
	for _, id := range k.ids {
		available -= k.byID[id].amount
	}
	return available, pending
}

// fundsFlow is money that came with an order.
type fundsFlow struct {
	id              string
	order           *order
	amount, balance int64
}

// flows lists the payments of all orders that are paid and not cancelled,
// oldest first.
func (sh *shop) flows() []fundsFlow {
	out := []fundsFlow{}
	var balance int64
	for _, o := range sh.orders {
		if o.paid.IsZero() || o.status == orderCancelled {
			continue
		}
		_, amount := o.amounts()
		amount += o.freight
		if a := o.aftersale; a != nil && (a.status == refundDone || a.status == returnDone) {
			amount -= a.amount
		}
		balance += amount
		out = append(out, fundsFlow{id: "1" + o.idString()[1:], order: o, amount: amount, balance: balance})
	}
	return out
}

// fundsBalance serves POST /channels/ec/funds/getbalance, in fen.
func (s *Sim) fundsBalance(c *call, sh *shop) answer {
	available, pending := sh.money()
	return s.replyBare(c, "available_amount", available, "pending_amount", pending, "sub_mchid", subMerchant)
}

// bankAccount is where a shop's money goes.
type bankAccount struct {
	Type        string `json:"bank_account_type"`
	Bank        string `json:"account_bank"`
	AddressCode string `json:"bank_address_code"`
	BranchID    string `json:"bank_branch_id"`
	BankName    string `json:"bank_name"`
	Number      string `json:"account_number"`
	Name        string `json:"account_name"`
}

func (b *bankAccount) ok() bool {
	known := b.Type == "ACCOUNT_TYPE_BUSINESS" || b.Type == "ACCOUNT_TYPE_PRIVATE"
	return known && b.Bank != "" && b.AddressCode != "" && b.Number != ""
}

// fundsAccount serves POST /channels/ec/funds/getbankacct.
func (s *Sim) fundsAccount(c *call, sh *shop) answer {
	b := sh.desk().account
	if b == nil {
		b = &bankAccount{Type: "ACCOUNT_TYPE_BUSINESS", Bank: "示例银行", AddressCode: "440100", Number: "6200000000000000001", Name: "蓝天文具有限公司"}
	}
	return s.reply(c, "account_info", b)
}

// fundsSetAccount serves POST /channels/ec/funds/setbankacct. The shop hears of
// it by an event.
func (s *Sim) fundsSetAccount(c *call, sh *shop) answer {
	var in struct {
		Account *bankAccount `json:"account_info"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.Account == nil || !in.Account.ok() {
		return s.fail(c, 10020051)
	}
	sh.desk().account = in.Account
	s.emitShop(sh.AppID, "channels_ec_acct_notify", map[string]any{"account_info": object{"event", 1}})
	return s.ok(c, okay)
}

// fundsFlowList serves POST /channels/ec/funds/getfundsflowlist, newest first.
// It pages by number and by next_key; the key goes first.
func (s *Sim) fundsFlowList(c *call, sh *shop) answer {
	var in struct {
		Page        int    `json:"page"`
		PageSize    int    `json:"page_size"`
		Start       int64  `json:"start_time"`
		End         int64  `json:"end_time"`
		NextKey     string `json:"next_key"`
		Transaction string `json:"transaction_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.Page < 1 || in.Start < 0 || in.End < in.Start {
		return s.fail(c, 10020051)
	}
	period := dayRange(in.Start, in.End)
	ids := []string{}
	for _, f := range slices.Backward(sh.flows()) {
		if period.has(f.order.paid) && (in.Transaction == "" || in.Transaction == "42"+f.order.idString()) {
			ids = append(ids, f.id)
		}
	}
	query := "flows " + strconv.FormatInt(in.Start, 10) + " " + strconv.FormatInt(in.End, 10) + in.Transaction
	if in.NextKey == "" && in.Page > 1 {
		in.NextKey = sealKey(query, (in.Page-1)*max(0, in.PageSize))
	}
	page, next, more, ok := s.page(ids, query, in.NextKey, in.PageSize, 1000)
	if !ok {
		return s.fail(c, 10020051)
	}
	return s.reply(c, "flow_ids", page, "has_more", more, "next_key", next)
}

// fundsFlowGet serves POST /channels/ec/funds/getfundsflowdetail.
func (s *Sim) fundsFlowGet(c *call, sh *shop) answer {
	var in struct {
		ID idText `json:"flow_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	for _, f := range sh.flows() {
		if f.id == string(in.ID) {
			return s.reply(c, "funds_flow", f.wire())
		}
	}
	return s.fail(c, 10020052)
}

func (f *fundsFlow) wire() object {
	related := []object{{"related_type", 1, "order_id", f.order.idString(), "transaction_id", "42" + f.order.idString()}}
	return object{"flow_id", f.id, "funds_type", 1, "flow_type", 1, "amount", f.amount, "balance", f.balance,
		"related_info_list", related, "bookkeeping_time", stamp(f.order.paid), "remark", "订单支付收入"}
}

// withdrawSubmit serves POST /channels/ec/funds/submitwithdraw.
func (s *Sim) withdrawSubmit(c *call, sh *shop) answer {
	var in struct {
		Amount int64  `json:"amount"`
		Remark string `json:"remark"`
		Memo   string `json:"bank_memo"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if available, _ := sh.money(); in.Amount < 1 || in.Amount > available {
		return s.fail(c, 10020051)
	}
	id := sh.desk().withdrawals.number(firstWithdrawal, &withdrawal{amount: in.Amount, remark: in.Remark, memo: in.Memo,
		created: c.now.Unix(), status: "CREATE_SUCCESS"})
	return s.reply(c, "qrcode_ticket", "ticket_"+id)
}

// withdrawList serves POST /channels/ec/funds/getwithdrawlist, newest first.
func (s *Sim) withdrawList(c *call, sh *shop) answer {
	var in struct {
		Page     int   `json:"page_num"`
		PageSize int   `json:"page_size"`
		Start    int64 `json:"start_time"`
		End      int64 `json:"end_time"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	if in.Page < 1 || in.PageSize < 1 || in.PageSize > 100 {
		return s.fail(c, 10020051)
	}
	k := &sh.desk().withdrawals
	ids := []string{}
	for _, id := range slices.Backward(k.ids) {
		if at := k.byID[id].created; in.End == 0 || in.Start <= at && at <= in.End {
			ids = append(ids, id)
		}
	}
	return s.reply(c, "withdraw_ids", window(ids, (in.Page-1)*in.PageSize, in.PageSize), "total_num", len(ids))
}

// withdrawGet serves POST /channels/ec/funds/getwithdrawdetail.
func (s *Sim) withdrawGet(c *call, sh *shop) answer {
	var in struct {
		ID idText `json:"withdraw_id"`
	}
	if bad := s.decode(c, &in); bad != 0 {
		return s.fail(c, bad)
	}
	w := sh.desk().withdrawals.get(in.ID)
	if w == nil {
		return s.fail(c, 10020052)
	}
	return s.reply(c, "withdraw_id", string(in.ID), "amount", w.amount, "create_time", w.created, "update_time", w.created, "reason", w.reason,
		"remark", w.remark, "bank_memo", w.memo, "bank_name", "示例银行", "bank_num", "**** 0001", "status", w.status)
}
