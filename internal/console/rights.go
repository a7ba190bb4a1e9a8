package console

import (
	"fmt"
	"strings"

	"github.com/zhanggui/zhanggui/internal/access"
)

// rightsOf gives what a client may do beside its mode, a line each, in the words of
// a manifest. Nothing is said about what is ordinary.
func rightsOf(r access.Rights) []string {
	var lines []string
	if len(r.Groups) > 0 {
		lines = append(lines, "groups: "+strings.Join(r.Groups, ", "))
	}
	for _, p := range r.Paths {
		line := p.Path
		if p.Daily > 0 {
			line = fmt.Sprintf("%s, daily: %d", p.Path, p.Daily)
		}
		lines = append(lines, line)
	}
	if r.PerSecond > 0 {
		lines = append(lines, fmt.Sprintf("per_second: %g", r.PerSecond))
	}
	for _, p := range r.From {
		lines = append(lines, "from: "+p.String())
	}
	if r.TokenExport {
		lines = append(lines, "token:export")
	}
	if r.Observe {
		lines = append(lines, "observe")
	}
	if r.Low {
		lines = append(lines, "priority: low")
	}
	return lines
}
