package app

import (
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/zhanggui/zhanggui/internal/audit"
)

// archives are the files that entries were moved to.
type archives struct {
	heads   [][]byte
	reports []audit.ExportReport
}

// readArchives verifies each file by itself.
func readArchives(files []string, v note.Verifier) (a archives, err error) {
	for _, file := range files {
		report, err := checkExport(file, v)
		if err != nil {
			return a, err
		}
		if p, bad := report.First(); bad {
			return a, fmt.Errorf("the archive %s does not verify: %s", file, p)
		}
		if report.Kind != audit.ExportRange {
			return a, fmt.Errorf("%s holds chosen entries; %w", file, errNoArchive)
		}
		a.reports = append(a.reports, report)
		a.heads = append(a.heads, report.Head)
	}
	return a, nil
}

var errNoArchive = errors.New("name the archives that the server wrote")

// join notes which prunings have their archive among the files.
func (a archives) join(r *audit.Report) {
	for i, p := range r.Pruned {
		r.Pruned[i].Given = slices.ContainsFunc(a.reports, func(x audit.ExportReport) bool {
			return x.SHA256 == p.Archive && x.From == p.From && x.To == p.To
		})
	}
}
