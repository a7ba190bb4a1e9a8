package wechatsim

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// FaultKind is a way in which a request can go wrong.
type FaultKind string

// The kinds of fault.
const (
	// FaultDelay answers normally after [Fault.Delay].
	FaultDelay FaultKind = "delay"
	// FaultErrcode answers [Fault.ErrCode]; on a page it shows that error.
	FaultErrcode FaultKind = "errcode"
	// FaultHTML answers HTTP 502 with an HTML page, as a broken edge does.
	FaultHTML FaultKind = "html_502"
	// FaultEmpty answers HTTP 200 with an empty text/html body.
	FaultEmpty FaultKind = "empty"
	// FaultCut sends the first half of the real answer, which took effect.
	FaultCut FaultKind = "cut"
	// FaultHang answers nothing until the caller gives up, or for
	// [Fault.Delay] if that is set, and then closes the connection.
	FaultHang FaultKind = "hang"
	// FaultLostBefore closes the connection; the request had no effect.
	FaultLostBefore FaultKind = "lost_before"
	// FaultLostAfter closes the connection after the request took effect.
	// Note that Go's net/http repeats a GET by itself if it was sent on a
	// reused connection and no byte of an answer came.
	FaultLostAfter FaultKind = "lost_after"
	// FaultDuplicateCallback makes a consent call back twice with one state.
	FaultDuplicateCallback FaultKind = "duplicate_callback"

	// FaultHTML200 answers HTTP 200 with an HTML page, as a portal on the way
	// does.
	FaultHTML200 FaultKind = "html_200"
	// FaultForbidden answers the bare HTTP 403 of a shop's IP allowlist.
	FaultForbidden FaultKind = "forbidden"
	// FaultWrongType sends the real answer under the Content-Type of
	// [Fault.ContentType].
	FaultWrongType FaultKind = "wrong_type"
	// FaultBreak announces the whole answer, which took effect, sends the
	// first half of it and closes the connection.
	FaultBreak FaultKind = "break"
	// FaultSlowHeaders lets the request take effect at once and sends nothing
	// of the answer until [Fault.Delay] has passed.
	FaultSlowHeaders FaultKind = "slow_headers"
	// FaultSlowBody sends the headers at once and the body in small pieces
	// over [Fault.Delay].
	FaultSlowBody FaultKind = "slow_body"
	// FaultHuge streams [Fault.Size] bytes that are made on the way, as a
	// download does. The request takes no effect unless AfterEffect is set.
	FaultHuge FaultKind = "huge"
)

var faultKinds = []FaultKind{FaultDelay, FaultErrcode, FaultHTML, FaultEmpty, FaultCut, FaultHang,
	FaultLostBefore, FaultLostAfter, FaultDuplicateCallback, FaultHTML200, FaultForbidden, FaultWrongType, FaultBreak,
	FaultSlowHeaders, FaultSlowBody, FaultHuge}

// faultsWithDelay mean nothing without one.
var faultsWithDelay = []FaultKind{FaultDelay, FaultSlowHeaders, FaultSlowBody}

const hugeSize = 3 << 30

// Fault is a misfortune that waits for matching requests. Nothing about it is
// random: it lets Skip requests pass, then meets Count of them, then is gone.
// The first armed fault that matches a request is the only one it meets.
type Fault struct {
	// ID is given when the fault is armed.
	ID int `json:"id,omitempty"`
	// Path is an exact path, or a prefix that ends in '*'.
	Path string `json:"path"`
	// Kind says what happens.
	Kind FaultKind `json:"kind"`
	// Count is how many requests it meets; 0 means one, -1 means all until
	// the fault is cleared.
	Count int `json:"count,omitempty"`
	// Skip is how many matching requests pass unharmed first.
	Skip int `json:"skip,omitempty"`
	// AppID narrows the fault to requests of one app, or those of a component
	// that are about one account.
	AppID string `json:"appid,omitempty"`
	// Delay passes before anything else happens, in real time. With
	// kind hang it is how long the hang lasts, with slow_headers and slow_body
	// how long the answer takes.
	Delay Duration `json:"delay,omitempty"`
	// ErrCode and ErrMsg are for kind errcode; ErrMsg may be left out.
	ErrCode int    `json:"errcode,omitempty"`
	ErrMsg  string `json:"errmsg,omitempty"`
	// Size is how many bytes kind huge sends; 0 means 3 GiB.
	Size int64 `json:"size,omitempty"`
	// ContentType is what kind wrong_type says; "" means text/html.
	ContentType string `json:"content_type,omitempty"`
	// AfterEffect lets errcode, html_502, html_200, forbidden, empty, huge and
	// hang happen after the request took effect, instead of in its place.
	AfterEffect bool `json:"after_effect,omitempty"`
	// SameCode makes duplicate_callback repeat one code; otherwise the two
	// callbacks carry different codes.
	SameCode bool `json:"same_code,omitempty"`
}

func (f *Fault) check(path string, ps *problems) {
	if !strings.HasPrefix(f.Path, "/") {
		ps.addf(path+".path", "is %q", "write a path like /cgi-bin/stable_token or %s", f.Path, "/channels/ec/*")
	}
	if !slices.Contains(faultKinds, f.Kind) {
		ps.addf(path+".kind", "is %q", "use one of %v", f.Kind, faultKinds)
	}
	if f.Count < -1 || f.Skip < 0 || f.Size < 0 {
		ps.add(path, "holds a negative number", "use count -1 for ever, and 0 or more for skip and size")
	}
	if f.Kind == FaultErrcode && f.ErrCode == 0 {
		ps.add(path+".errcode", "is missing", "name the errcode to answer, such as -1 or 45009")
	}
	if f.Delay < 0 || f.Delay == 0 && slices.Contains(faultsWithDelay, f.Kind) {
		ps.add(path+".delay", "is not a delay", "write a duration like \"2s\"")
	}
}

// AddFault arms a fault and returns its id.
func (s *Sim) AddFault(f Fault) (int, error) {
	var ps problems
	f.check("$", &ps)
	if err := ps.err(); err != nil {
		return 0, fmt.Errorf("arm fault: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.arm(f), nil
}

func (s *Sim) arm(f Fault) int {
	s.faultSeq++
	f.ID = s.faultSeq
	f.Count = cmp.Or(f.Count, 1)
	s.faults = append(s.faults, &f)
	return f.ID
}

// Faults returns the faults that are still armed, with what is left of them.
func (s *Sim) Faults() []Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Fault, 0, len(s.faults))
	for _, f := range s.faults {
		out = append(out, *f)
	}
	return out
}

// ClearFaults disarms all faults.
func (s *Sim) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// ClearFault disarms one fault and reports whether it was armed.
func (s *Sim) ClearFault(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.faults)
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool { return f.ID == id })
	return len(s.faults) < n
}

// takeFault returns a copy of the fault that meets c, and counts it down. A
// duplicate callback waits for the moment of the callback instead.
func (s *Sim) takeFault(c *call) *Fault {
	f := s.take(c.r.URL.Path, func(f *Fault) bool {
		return f.Kind != FaultDuplicateCallback && (f.AppID == "" || f.AppID == c.appid || f.AppID == c.account)
	})
	if f != nil {
		c.fault = string(f.Kind)
	}
	return f
}

// takeDuplicate is takeFault for callbacks; page is the path of the link.
func (s *Sim) takeDuplicate(c *call, page, appid string) *Fault {
	f := s.take(page, func(f *Fault) bool {
		return f.Kind == FaultDuplicateCallback && (f.AppID == "" || f.AppID == appid)
	})
	if f != nil {
		c.fault = string(f.Kind)
	}
	return f
}

func (s *Sim) take(path string, meant func(*Fault) bool) *Fault {
	for i, f := range s.faults {
		if !matchPath(f.Path, path) || !meant(f) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			return nil
		}
		hit := *f
		if f.Count > 0 {
			f.Count--
		}
		if f.Count == 0 {
			s.faults = slices.Delete(s.faults, i, i+1)
		}
		return &hit
	}
	return nil
}

// before plays the part of f that comes before the request takes effect. done
// means that it takes none.
func (s *Sim) before(c *call, f *Fault) (a answer, done bool) {
	if f == nil {
		return answer{}, false
	}
	if f.Delay > 0 && !slices.Contains([]FaultKind{FaultHang, FaultSlowHeaders, FaultSlowBody}, f.Kind) {
		pause(c.r.Context(), f.Delay.Std())
	}
	if f.Kind == FaultLostBefore {
		return answer{lost: true}, true
	}
	if f.AfterEffect {
		return answer{}, false
	}
	return s.spoil(c, f)
}

// after plays the part of f that comes after the request took effect.
func (s *Sim) after(c *call, f *Fault, a answer) answer {
	if f == nil {
		return a
	}
	switch f.Kind {
	case FaultLostAfter:
		a.lost = true
	case FaultCut:
		a.body = a.body[:len(a.body)/2]
	case FaultBreak:
		a.manner.breaks = true
	case FaultSlowHeaders:
		pause(c.r.Context(), f.Delay.Std())
	case FaultSlowBody:
		a.manner.over = f.Delay.Std()
	case FaultWrongType:
		a.header = maps.Clone(a.header)
		a.header.Set("Content-Type", cmp.Or(f.ContentType, "text/html"))
	default:
		if b, spoilt := s.spoil(c, f); f.AfterEffect && spoilt {
			return b
		}
	}
	return a
}

// spoil makes the answer that replaces the real one. A hang waits here.
func (s *Sim) spoil(c *call, f *Fault) (answer, bool) {
	switch f.Kind {
	case FaultErrcode:
		return s.faultErrcode(c, f), true
	case FaultHTML:
		return htmlAnswer(http.StatusBadGateway, "502 Bad Gateway"), true
	case FaultHTML200:
		return htmlAnswer(http.StatusOK, "Welcome"), true
	case FaultForbidden:
		return htmlAnswer(http.StatusForbidden, "403 Forbidden"), true
	case FaultHuge:
		return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/octet-stream"}},
			manner: manner{made: cmp.Or(f.Size, hugeSize)}}, true
	case FaultEmpty:
		return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"text/html"}}}, true
	case FaultHang:
		pause(c.r.Context(), cmp.Or(f.Delay.Std(), 24*time.Hour))
		return answer{lost: true}, true
	}
	return answer{}, false
}

// htmlAnswer is a page that an edge or a box on the way would show.
func htmlAnswer(status int, title string) answer {
	return answer{status: status, header: http.Header{"Content-Type": {"text/html"}},
		body: []byte("<html><head><title>" + title + "</title></head><body><h1>" + title + "</h1></body></html>")}
}

func (s *Sim) faultErrcode(c *call, f *Fault) answer {
	if c.host != hostAPI {
		return errorPage(&PageError{Code: f.ErrCode, Text: cmp.Or(f.ErrMsg, pageTexts[f.ErrCode])})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failText(c, f.ErrCode, cmp.Or(f.ErrMsg, errTexts[f.ErrCode]))
}
