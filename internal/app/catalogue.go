package app

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// readCatalogue gives the catalogue of this program, with the operator's file laid
// over it if there is one. A file that cannot be read whole is no catalogue: what it
// was to narrow would be wide open.
func readCatalogue(path string) (*catalogue.Catalogue, error) {
	c := catalogue.Default()
	if path == "" {
		return c, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the catalogue file; name an existing one as catalogue, or none: %w", err)
	}
	defer f.Close()
	return c.Overlay(filepath.Base(path), f)
}
