package wechatsim

import (
	"slices"
	"time"
	"unicode/utf8"
)

// complaintRoutes are the calls on disputes (纠纷单): a refused after-sale that
// the buyer took to WeChat's service desk.
var complaintRoutes = map[string]route{
	"/channels/ec/aftersale/getcomplaintorder":    post(orderSets, (*Sim).complaintGet),
	"/channels/ec/aftersale/addcomplaintmaterial": post(orderSets, (*Sim).complaintNote),
	"/channels/ec/aftersale/addcomplaintproof":    post(orderSets, (*Sim).complaintProof),
}

// States of a dispute that the emulator knows.
const (
	deskWaited  = 101
	deskAtWork  = 103
	proofWanted = 106
	proofGiven  = 107
	bothWanted  = 108
)

// Kinds of line in a dispute's history, as in the page's sample. It shows no
// proof of a shop; that number is the emulator's.
const (
	saidDispute = 1
	saidByShop  = 3
	provedShop  = 8
	saidAsked   = 50
	saidRefused = 51
)

const (
	firstComplaint    = 50_000_000_000_000_001
	maxComplaintText  = 500
	maxComplaintMedia = 20 // in all notes of a dispute
	maxComplaintAge   = 7 * 24 * time.Hour
)

// complaint is a dispute about a refused after-sale.
type complaint struct {
	order   *order
	sale    *afterSale
	status  int
	history []complaintLine // oldest first
}

type complaintLine struct {
	kind  int
	at    time.Time
	text  string
	media []string
}

// complain takes a refused after-sale to the service desk, which begins at once.
func (s *Sim) complain(sh *shop, o *order) bool {
	a := o.aftersale
	now := s.Now()
	if a == nil || a.complaint != "" || !slices.Contains(refusals, a.status) || now.Sub(a.updated) > maxComplaintAge {
		return false
	}
	k := &complaint{order: o, sale: a, history: []complaintLine{{saidAsked, a.created, "不想要了", nil},
		{saidRefused, a.updated, a.refusal, nil}, {saidDispute, now, "请平台处理", nil}}}
	a.complaint = sh.desk().complaints.number(firstComplaint, k)
	s.setComplaint(sh, k, deskAtWork)
	return true
}

// wantProof plays the service desk that asks the shop for proof.
func (s *Sim) wantProof(sh *shop, o *order) bool {
	if o.aftersale == nil || o.aftersale.complaint == "" {
		return false
	}
	k := sh.desk().complaints.get(idText(o.aftersale.complaint))
	if k.status != deskAtWork && k.status != proofGiven {
		return false
	}
	s.setComplaint(sh, k, proofWanted)
	return true
}

func (s *Sim) setComplaint(sh *shop, k *complaint, status int) {
	k.status = status
	s.emitShop(sh.AppID, "channels_ec_complaint_update", map[string]any{"finder_shop_complaint": object{
		"complaint_status", status, "after_sale_order_id", k.sale.id, "complaint_id", k.sale.complaint, "order_id", k.order.idString()}})
}

// complaintIn is the body of all three calls.
type complaintIn struct {
	ID      idText   `json:"complaint_id"`
	Content string   `json:"content"`
	Media   []string `json:"media_id_list"`
}

func (s *Sim) complaintOf(c *call, sh *shop) (in complaintIn, k *complaint, bad int) {
	if bad = s.decode(c, &in); bad != 0 {
		return in, nil, bad
	}
	if in.ID == "" {
		return in, nil, 10020051
	}
	if k = sh.desk().complaints.get(in.ID); k == nil {
		return in, nil, 10021500
	}
	return in, k, 0
}

// complaintGet serves POST /channels/ec/aftersale/getcomplaintorder, newest line
// first.
func (s *Sim) complaintGet(c *call, sh *shop) answer {
	_, k, bad := s.complaintOf(c, sh)
	if bad != 0 {
		return s.fail(c, bad)
	}
	lines := []object{}
	for _, l := range slices.Backward(k.history) {
		lines = append(lines, l.wire(k.sale))
	}
	fields := object{"after_sale_order_id", k.sale.id, "order_id", k.order.idString(), "history", lines, "status", k.status}
	if n := k.sale.phone; n != nil {
		fields = append(fields, "virtual_tel_num_info", n.wire())
	}
	return s.reply(c, fields...)
}

func (l *complaintLine) wire(a *afterSale) object {
	pictures := []object{}
	for _, id := range l.media {
		pictures = append(pictures, object{"type", 1, "picture", object{"media_id", id, "ticket_url", "https://store.example.com/ticket/" + id}})
	}
	line := object{"item_type", l.kind, "time", l.at.Unix(), "content", l.text, "media_id_list", orEmpty(l.media), "media_infos", pictures}
	if l.kind == saidAsked || l.kind == saidDispute {
		kind := 1
		if a.kind == typeReturn {
			kind = 2
		}
		line = append(line, "after_sale_type", kind, "after_sale_reason", 2)
	}
	return line
}

// complaintNote serves POST /channels/ec/aftersale/addcomplaintmaterial.
func (s *Sim) complaintNote(c *call, sh *shop) answer {
	in, k, bad := s.complaintOf(c, sh)
	if bad == 0 {
		bad = in.fault(sh)
	}
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case k.status != deskWaited && k.status != deskAtWork:
		return s.fail(c, 10021503)
	case k.pictures()+len(in.Media) > maxComplaintMedia:
		return s.fail(c, 10021502)
	}
	k.history = append(k.history, complaintLine{saidByShop, c.now, in.Content, in.Media})
	return s.ok(c, okay)
}

// complaintProof serves POST /channels/ec/aftersale/addcomplaintproof.
func (s *Sim) complaintProof(c *call, sh *shop) answer {
	in, k, bad := s.complaintOf(c, sh)
	if bad == 0 {
		bad = in.fault(sh)
	}
	switch {
	case bad != 0:
		return s.fail(c, bad)
	case k.status != proofWanted && k.status != bothWanted:
		return s.fail(c, 10021504)
	}
	k.history = append(k.history, complaintLine{provedShop, c.now, in.Content, in.Media})
	s.setComplaint(sh, k, proofGiven)
	return s.ok(c, okay)
}

// fault is the errcode for what the shop has to say, 0 if it may say it.
func (in *complaintIn) fault(sh *shop) int {
	switch chars := utf8.RuneCountInString(in.Content); {
	case chars == 0:
		return 10020051
	case chars > maxComplaintText:
		return 10021501
	case !sh.knownMedia(in.Media):
		return 40007
	}
	return 0
}

// pictures counts those of the shop's notes.
func (k *complaint) pictures() (n int) {
	for _, l := range k.history {
		if l.kind == saidByShop {
			n += len(l.media)
		}
	}
	return n
}
