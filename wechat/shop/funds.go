package shop

import (
	"context"
	"iter"
)

const (
	pathBalance     = "/channels/ec/funds/getbalance"
	pathBankAccount = "/channels/ec/funds/getbankacct"
	pathFlows       = "/channels/ec/funds/getfundsflowlist"
	pathFlow        = "/channels/ec/funds/getfundsflowdetail"
	pathWithdrawals = "/channels/ec/funds/getwithdrawlist"
	pathWithdrawal  = "/channels/ec/funds/getwithdrawdetail"
)

// The calls that move money (submitwithdraw, setbankacct) have no method here on
// purpose: whoever needs one writes its path down.

// Balance is a shop's money.
type Balance struct {
	Available  Fen    `json:"available_amount"` // may be withdrawn
	Pending    Fen    `json:"pending_amount"`   // not settled yet
	MerchantID string `json:"sub_mchid,omitzero"`
}

// Balance returns the shop's money.
//
// Set 138. /doc/store/shop/API/funds/funds/api_getbalance
func (c *Client) Balance(ctx context.Context) (*Balance, error) {
	res, err := Call[Balance](ctx, c, pathBalance, none{})
	if err != nil {
		return nil, err
	}
	return &res, nil
}

// BankAccount is where withdrawals go. It names people: do not log it.
type BankAccount struct {
	Type          string `json:"bank_account_type,omitzero"`
	Bank          string `json:"account_bank,omitzero"`
	BankShown     string `json:"account_bank4show,omitzero"`
	AreaCode      string `json:"bank_address_code,omitzero"`
	BranchID      string `json:"bank_branch_id,omitzero"`
	BranchName    string `json:"bank_name,omitzero"`
	AccountNumber string `json:"account_number,omitzero"`
	AccountName   string `json:"account_name,omitzero"`
}

// BankAccount returns where withdrawals go.
//
// Set 138. /doc/store/shop/API/funds/funds/api_getbankacct
func (c *Client) BankAccount(ctx context.Context) (*BankAccount, error) {
	res, err := Call[struct {
		Account *BankAccount `json:"account_info"`
	}](ctx, c, pathBankAccount, none{})
	if err == nil && res.Account == nil {
		err = missing(pathBankAccount, "account_info")
	}
	return res.Account, err
}

// FlowQuery narrows [Client.Flows].
type FlowQuery struct {
	Range         Range
	TransactionID string // of one payment; empty for all
	PageSize      int    // 10 when zero
}

// Flows lists the ids of what came and went.
//
// Sets 138 or 141. /doc/store/shop/API/funds/funds/api_getfundsflowlist
func (c *Client) Flows(ctx context.Context, q FlowQuery) iter.Seq2[ID, error] {
	type body struct {
		Page          int    `json:"page"`
		PageSize      int    `json:"page_size"`
		Start         Time   `json:"start_time,omitzero"`
		End           Time   `json:"end_time,omitzero"`
		TransactionID string `json:"transaction_id,omitzero"`
		NextKey       string `json:"next_key,omitzero"`
	}
	type answer struct {
		IDs     []ID   `json:"flow_ids"`
		NextKey string `json:"next_key"`
		More    Flag   `json:"has_more"`
	}
	return walk(func(cursor string, number int) (page[ID], error) {
		b := body{number, orDefault(q.PageSize, 10), At(q.Range.From), At(q.Range.To), q.TransactionID, cursor}
		return each(ctx, c, pathFlows, b, func(a answer) page[ID] {
			return page[ID]{items: a.IDs, next: a.NextKey, more: bool(a.More)}
		})
	})
}

// FlowDirection says whether money came or went.
type FlowDirection int

// The directions of money.
const (
	FlowIn  FlowDirection = 1
	FlowOut FlowDirection = 2
)

// UnmarshalJSON takes what [Int] takes.
func (d *FlowDirection) UnmarshalJSON(b []byte) error { return readInt(b, d) }

// Flow is one movement of money. BookedAt is missing in some answers.
type Flow struct {
	ID        ID            `json:"flow_id"`
	Type      Int           `json:"funds_type"` // the page lists what for
	Direction FlowDirection `json:"flow_type"`
	Amount    Fen           `json:"amount"`
	Balance   Fen           `json:"balance"` // after it
	Related   []FlowRelated `json:"related_info_list,omitzero"`
	BookedAt  Time          `json:"bookkeeping_time,omitzero"`
	Remark    string        `json:"remark,omitzero"`
}

// FlowRelated is what a movement belongs to.
type FlowRelated struct {
	Type          RelatedType `json:"related_type"`
	OrderID       ID          `json:"order_id,omitzero"`
	AfterSaleID   ID          `json:"aftersale_id,omitzero"`
	WithdrawID    ID          `json:"withdraw_id,omitzero"`
	InsuranceID   ID          `json:"insurance_id,omitzero"`
	TransactionID ID          `json:"transaction_id,omitzero"`
	BookedAt      Time        `json:"bookkeeping_time,omitzero"`
}

// RelatedType is the kind of thing a movement belongs to: digits in most answers, a
// name such as RelatedType_Order in some.
type RelatedType string

// The kinds that are known.
const (
	RelatedOrder      RelatedType = "1"
	RelatedAfterSale  RelatedType = "2"
	RelatedWithdrawal RelatedType = "3"
	RelatedInsurance  RelatedType = "4"
)

// UnmarshalJSON takes a text, or a number as its digits.
func (t *RelatedType) UnmarshalJSON(b []byte) error { return readText(b, t) }

// Flow reads one movement.
//
// Sets 138 or 141. /doc/store/shop/API/funds/funds/api_getfundsflowdetail
func (c *Client) Flow(ctx context.Context, id ID) (*Flow, error) {
	res, err := Call[struct {
		Flow *Flow `json:"funds_flow"`
	}](ctx, c, pathFlow, struct {
		ID ID `json:"flow_id"`
	}{id})
	if err == nil && res.Flow == nil {
		err = missing(pathFlow, "funds_flow")
	}
	return res.Flow, err
}

// Withdrawals lists the ids of withdrawals. The zero Range lists all.
//
// Set 138. /doc/store/shop/API/funds/funds/api_getwithdrawlist
func (c *Client) Withdrawals(ctx context.Context, r Range) iter.Seq2[ID, error] {
	type answer struct {
		IDs   []ID `json:"withdraw_ids"`
		Total Int  `json:"total_num"`
	}
	return walkNumbers(func(number int, _ string) (numbered[ID], error) {
		res, err := Call[answer](ctx, c, pathWithdrawals, struct {
			Page     int  `json:"page_num"`
			PageSize int  `json:"page_size"`
			Start    Time `json:"start_time,omitzero"`
			End      Time `json:"end_time,omitzero"`
		}{number, 10, At(r.From), At(r.To)})
		return numbered[ID]{items: res.IDs, total: res.Total}, err
	})
}

// Withdrawal is a withdrawal of money to the bank account.
type Withdrawal struct {
	Amount    Fen    `json:"amount"`
	Status    string `json:"status,omitzero"`
	Reason    string `json:"reason,omitzero"` // of a failure
	Remark    string `json:"remark,omitzero"`
	BankMemo  string `json:"bank_memo,omitzero"`
	BankName  string `json:"bank_name,omitzero"`
	BankNum   string `json:"bank_num,omitzero"`
	CreatedAt Time   `json:"create_time,omitzero"`
	UpdatedAt Time   `json:"update_time,omitzero"`
}

// Withdrawal reads a withdrawal.
//
// Set 138. /doc/store/shop/API/funds/funds/api_getwithdrawdetail
func (c *Client) Withdrawal(ctx context.Context, id ID) (*Withdrawal, error) {
	res, err := Call[Withdrawal](ctx, c, pathWithdrawal, struct {
		ID ID `json:"withdraw_id"`
	}{id})
	if err != nil {
		return nil, err
	}
	return &res, nil
}
