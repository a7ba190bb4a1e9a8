package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/zhanggui/zhanggui/internal/web"
)

// envPrefix begins the name of every environment variable that is a setting.
// Other variables with this prefix are left alone: Kubernetes makes some for a
// service of our name, and ZHANGGUI_URL and ZHANGGUI_KEY are for the command
// line.
const envPrefix = "ZHANGGUI_"

// Source says where settings come from, weakest first. The zero Source gives
// the defaults.
type Source struct {
	// File is the path of the YAML file; empty reads none.
	File string
	// Data is the file's content, if the caller has it already; File then
	// only names it in problems.
	Data []byte
	// Environ is the environment, as from os.Environ.
	Environ []string
	// Flags holds settings from the command line by their names in the file,
	// e.g. "listen" or "tls.mode".
	Flags map[string]string
}

// Load reads and checks the settings. If anything is wrong, the error is a
// [Problems] with all of it, except when the file cannot be read at all.
func Load(s Source) (*Config, error) {
	data := s.Data
	if data == nil && s.File != "" {
		var err error
		if data, err = readFile(s.File); err != nil {
			return nil, fmt.Errorf("config: read the settings; name an existing file with --config: %w", err)
		}
	}
	r := newReport(s.File)
	c := Default()
	r.decode(data, &c)
	r.environment(&c, s.Environ)
	r.flags(&c, s.Flags)
	if _, said := r.places["loopback"]; !said {
		c.Loopback = web.IsLoopbackHost(c.PublicURL.Host())
	}
	c.check(r)
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	return &c, nil
}

// Validate checks settings that did not come through [Load]. The error is a
// [Problems].
func (c *Config) Validate() error {
	r := newReport("")
	c.check(r)
	return r.problems.err()
}

// readFile reads one byte more than is allowed, so that the decoder notices.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// environment overlays the variables that are settings.
func (r *report) environment(c *Config, environ []string) {
	vars := map[string]string{}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && v != "" {
			vars[k] = v
		}
	}
	for _, s := range settings() {
		if v, ok := vars[s.env]; ok && s.env != "" && !s.item {
			r.overlay(c, s, v, "environment variable "+s.env)
		}
	}
	r.listVariables(c, vars)
}

// flags overlays the command line.
func (r *report) flags(c *Config, flags map[string]string) {
	known := map[string]setting{}
	for _, s := range settings() {
		if !s.item {
			known[s.name] = s
		}
	}
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		s, ok := known[name]
		if !ok {
			r.problems = append(r.problems, Problem{"flag", 0, name, "is not a setting", "see the reference for the names there are"})
			continue
		}
		r.overlay(c, s, flags[name], "flag --"+strings.ReplaceAll(name, "_", "-"))
	}
}

// overlay sets one setting from text. Parsing one variable at a time tells
// exactly which one is wrong without showing the parser's message, which
// repeats the value.
func (r *report) overlay(c *Config, s setting, text, from string) {
	r.places[s.name] = place{file: from}
	err := env.ParseWithOptions(c, env.Options{Prefix: envPrefix, Environment: map[string]string{s.env: text}})
	if err != nil {
		what, remedy := describe(s.kind)
		if s.kind.Kind() == reflect.Slice {
			remedy += ", several with commas between"
		}
		r.bad(s.name, "is not "+what, remedy)
	}
}
