package shop

import "context"

const (
	pathComplaint      = "/channels/ec/aftersale/getcomplaintorder"
	pathComplaintNote  = "/channels/ec/aftersale/addcomplaintmaterial"
	pathComplaintProof = "/channels/ec/aftersale/addcomplaintproof"
)

// Complaint is a dispute (纠纷单) about an after-sale, which WeChat decides.
type Complaint struct {
	AfterSaleID ID              `json:"after_sale_order_id"`
	OrderID     ID              `json:"order_id"`
	Status      ComplaintStatus `json:"status"`
	History     []ComplaintStep `json:"history,omitzero"` // newest first
	Phone       VirtualPhone    `json:"virtual_tel_num_info,omitzero"`
}

// ComplaintStatus is where a dispute is. The page of the event
// channels_ec_complaint_update lists all states.
type ComplaintStatus int

// The states in which somebody is expected to act, or nobody any more.
const (
	ComplaintForMerchant   ComplaintStatus = 100
	ComplaintForWeChat     ComplaintStatus = 101
	ComplaintCancelled     ComplaintStatus = 102
	ComplaintInProgress    ComplaintStatus = 103 // WeChat's service desk works on it
	ComplaintUserProof     ComplaintStatus = 104
	ComplaintMerchantProof ComplaintStatus = 106
	ComplaintProved        ComplaintStatus = 107 // by the merchant
	ComplaintBothProve     ComplaintStatus = 108
	ComplaintConfirm       ComplaintStatus = 110 // by the merchant
	ComplaintSettled       ComplaintStatus = 112
	ComplaintClosed        ComplaintStatus = 116
)

var complaintStatusNames = map[ComplaintStatus]string{
	ComplaintForMerchant: "for-merchant", ComplaintForWeChat: "for-wechat", ComplaintCancelled: "cancelled", ComplaintInProgress: "in-progress",
	ComplaintUserProof: "user-must-prove", ComplaintMerchantProof: "merchant-must-prove", ComplaintProved: "merchant-proved", ComplaintBothProve: "both-must-prove",
	ComplaintConfirm: "merchant-must-confirm", ComplaintSettled: "settled", ComplaintClosed: "closed",
}

// String returns a short lower-case name.
func (s ComplaintStatus) String() string { return nameOf(complaintStatusNames, s) }

// UnmarshalJSON takes what [Int] takes.
func (s *ComplaintStatus) UnmarshalJSON(b []byte) error { return readInt(b, s) }

// ComplaintStep is what somebody did in a dispute.
type ComplaintStep struct {
	Kind          Int              `json:"item_type"` // the page lists them
	At            Time             `json:"time"`
	Phone         ID               `json:"phone_number,omitzero"` // of the customer
	Text          string           `json:"content,omitzero"`
	MediaIDs      []string         `json:"media_id_list,omitzero"` // see [Client.Media]
	Media         []ComplaintMedia `json:"media_infos,omitzero"`   // the same, pictures and films apart
	AfterSaleType Int              `json:"after_sale_type,omitzero"`
	Reason        Int              `json:"after_sale_reason,omitzero"`
}

// ComplaintMedia is a picture or a film that somebody showed in a dispute.
type ComplaintMedia struct {
	Kind    Int           `json:"type"` // 1 picture, 2 film
	Picture ComplaintFile `json:"picture,omitzero"`
	Film    ComplaintFile `json:"video,omitzero"`
}

// ComplaintFile is where a picture or a film is. The link works for a while.
type ComplaintFile struct {
	MediaID string `json:"media_id,omitzero"`
	URL     string `json:"ticket_url,omitzero"`
	Seconds Int    `json:"video_play_length,omitzero"`
}

// VirtualPhone is a number that forwards to the customer for a while.
type VirtualPhone struct {
	Number    string `json:"virtual_tel_number,omitzero"`
	ExpiresAt Time   `json:"virtual_tel_expire_time,omitzero"`
}

// Complaint reads a dispute. Its id is in [AfterSale].ComplaintID.
//
// Set 131. /doc/store/shop/API/complaint/api_getcomplaintorder
func (c *Client) Complaint(ctx context.Context, id ID) (*Complaint, error) {
	res, err := Call[Complaint](ctx, c, pathComplaint, struct {
		ID ID `json:"complaint_id"`
	}{id})
	if err != nil {
		return nil, err
	}
	return &res, nil
}

// statement is the body of the calls by which a merchant speaks.
type statement struct {
	ID       ID       `json:"complaint_id"`
	Text     string   `json:"content"`
	MediaIDs []string `json:"media_id_list,omitzero"`
}

// AddComplaintNote says something in a dispute, in up to 500 characters. Media
// ids are of pictures uploaded with [UseMediaID], up to 20 in all notes. 10021503
// says that the service desk is not at work on it.
//
// Set 131. /doc/store/shop/API/complaint/api_addcomplaintmaterial
func (c *Client) AddComplaintNote(ctx context.Context, id ID, text string, mediaIDs ...string) error {
	return post(ctx, c, pathComplaintNote, statement{id, text, mediaIDs})
}

// ProveComplaint answers WeChat's question for proofs. 10021504 says that
// there is none open.
//
// Set 131. /doc/store/shop/API/complaint/api_addcomplaintproof
func (c *Client) ProveComplaint(ctx context.Context, id ID, text string, mediaIDs ...string) error {
	return post(ctx, c, pathComplaintProof, statement{id, text, mediaIDs})
}
