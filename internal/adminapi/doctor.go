package adminapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/zhanggui/zhanggui/internal/audit"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// Doctor finds out why something does not work.
type Doctor interface {
	// Examine runs the checks of a shop, or of the whole server when it is empty. The
	// error is access.ErrNotFound for a shop that is not there.
	Examine(ctx context.Context, shop string) (doctor.Report, error)
	// Explain says what a pasted text means, and records that somebody asked.
	Explain(ctx context.Context, by audit.Actor, text, shop string) (doctor.Explanation, error)
}

// ReportView is what an examination found.
type ReportView struct {
	At       time.Time     `json:"at"`
	Verdict  string        `json:"verdict" enum:"ok,unknown,warning,wrong" doc:"the worst of all findings"`
	Millis   int64         `json:"millis" doc:"how long it took"`
	Asked    int           `json:"asked" doc:"calls to WeChat; what was asked within a minute is not asked again"`
	Findings []FindingView `json:"findings" doc:"the worst first"`
}

// FindingView is what one check found.
type FindingView struct {
	Check   string      `json:"check" doc:"what was looked at"`
	Subject string      `json:"subject" doc:"server, app:… or shop:…"`
	Verdict string      `json:"verdict" enum:"ok,unknown,warning,wrong" doc:"warning: it works, and not for ever; unknown: it could not be found out"`
	Cause   notice.Text `json:"cause"`
	Proof   []FactView  `json:"proof" doc:"what was seen; never a secret"`
	Next    notice.Text `json:"next" doc:"what to do"`
	Page    string      `json:"page,omitempty" doc:"where to do it"`
	ErrCode int         `json:"errcode,omitempty" doc:"WeChat's"`
}

// FactView is one thing that was seen.
type FactView struct {
	Name  string `json:"name" doc:"of a fixed set"`
	Value string `json:"value" doc:"a number, a time, an id"`
}

// ExplanationView is what is known about something that was pasted.
type ExplanationView struct {
	Input    string        `json:"input" doc:"as understood: one line, cut, with everything masked that may be a credential"`
	Codes    []int         `json:"codes" doc:"errcodes that it is about"`
	Findings []FindingView `json:"findings" doc:"one for each thing that it may mean"`
}

func (h handlers) mountDoctor(api huma.API) {
	huma.Register(api, op("get-doctor", http.MethodGet, "/v1/doctor", "Find out what does not work: of one shop, or of the whole server"), h.examine)
	huma.Register(api, op("run-doctor", http.MethodPost, "/v1/doctor", "Find out what does not work, as get-doctor does"), h.examine)
	huma.Register(api, op("explain", http.MethodPost, "/v1/doctor/explain", "Explain an errcode, an errmsg, a whole answer of WeChat's, a URL or a rid"), h.explain)
}

type examineInput struct {
	Shop string `query:"shop" doc:"Our id of the shop; left out: the whole server" maxLength:"64"`
}

func (h handlers) examine(ctx context.Context, in *examineInput) (*body[ReportView], error) {
	r, err := h.Doctor.Examine(ctx, in.Shop)
	if err != nil {
		return nil, fail(err)
	}
	return answer(ReportView{At: r.At.UTC(), Verdict: string(r.Worst()), Millis: r.Took.Milliseconds(), Asked: r.Asked, Findings: h.findings(r.Findings)}), nil
}

type explainInput struct {
	Body struct {
		Text string `json:"text" doc:"What you have at hand. Tokens in it are masked before it is looked at" maxLength:"65536"`
		Shop string `json:"shop,omitempty" doc:"Our id of the shop that it is about; needed to look up a rid" maxLength:"64"`
	}
}

func (h handlers) explain(ctx context.Context, in *explainInput) (*body[ExplanationView], error) {
	e, err := h.Doctor.Explain(ctx, actor(ctx), in.Body.Text, in.Body.Shop)
	if err != nil {
		return nil, fail(err)
	}
	return answer(ExplanationView{Input: e.Input, Codes: append([]int{}, e.Codes...), Findings: h.findings(e.Findings)}), nil
}

func (h handlers) findings(all []doctor.Finding) []FindingView {
	views := make([]FindingView, 0, len(all))
	for _, f := range all {
		v := FindingView{Check: f.Check, Subject: f.Subject, Verdict: string(f.Verdict), Cause: f.Cause, Next: f.Next,
			Page: f.Page, ErrCode: f.ErrCode, Proof: make([]FactView, 0, len(f.Proof))}
		if strings.HasPrefix(f.Page, "/") {
			v.Page = h.Link(f.Page)
		}
		for _, p := range f.Proof {
			v.Proof = append(v.Proof, FactView(p))
		}
		views = append(views, v)
	}
	return views
}
