package adminapi

import (
	"net/netip"

	"github.com/zhanggui/zhanggui/internal/access"
)

// ClientRights is what a client may do beside its mode.
type ClientRights struct {
	Groups   []string       `json:"groups,omitempty" doc:"of the catalogue; empty for every ordinary one"`
	Paths    []PathRight    `json:"paths,omitempty" doc:"granted by name, as paths that move money or show personal data must be"`
	Rate     *Rate          `json:"rate,omitempty" doc:"empty for the server's default"`
	From     []netip.Prefix `json:"from,omitempty" doc:"addresses that it may call from, as networks; empty for any"`
	Rights   []string       `json:"rights,omitempty" enum:"token:export" doc:"token:export lets it fetch the kept access token itself; it needs from"`
	Observe  bool           `json:"observe,omitempty" doc:"let through and record what groups and paths would refuse"`
	Priority string         `json:"priority,omitempty" enum:"low,normal" doc:"low gives way to other clients when a quota nears its end"`
}

// PathRight is one path that is granted by name.
type PathRight struct {
	Path  string `json:"path"`
	Daily int    `json:"daily,omitempty" doc:"calls a day of China's time, for each shop; 0 for no bound" minimum:"0"`
}

// Rate is how fast a client may call one server.
type Rate struct {
	PerSecond float64 `json:"per_second" minimum:"0"`
	Burst     int     `json:"burst,omitempty" minimum:"0"`
}

// The words of rights and priorities.
const (
	tokenExport = "token:export"
	low         = "low"
)

// RightsOf gives kept rights as they are sent.
func RightsOf(r access.Rights) ClientRights {
	out := ClientRights{Groups: r.Groups, From: r.From, Observe: r.Observe}
	for _, p := range r.Paths {
		out.Paths = append(out.Paths, PathRight(p))
	}
	if r.PerSecond != 0 || r.Burst != 0 {
		out.Rate = &Rate{PerSecond: r.PerSecond, Burst: r.Burst}
	}
	if r.TokenExport {
		out.Rights = []string{tokenExport}
	}
	if r.Low {
		out.Priority = low
	}
	return out
}

// rights gives what was sent as it is kept. What cannot be is found by setup, which
// holds every manifest against the same rules.
func (r ClientRights) rights() access.Rights {
	out := access.Rights{Groups: r.Groups, From: r.From, Observe: r.Observe, Low: r.Priority == low}
	for _, p := range r.Paths {
		out.Paths = append(out.Paths, access.PathRight(p))
	}
	if r.Rate != nil {
		out.PerSecond, out.Burst = r.Rate.PerSecond, r.Rate.Burst
	}
	for _, right := range r.Rights {
		out.TokenExport = out.TokenExport || right == tokenExport
	}
	return out
}
