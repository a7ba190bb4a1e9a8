package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Contents is what a bundle tells.
type Contents struct {
	Made       time.Time
	Program    Program
	Settings   []Setting
	Counts     Counts
	Readiness  Readiness
	Findings   []Finding
	Alerts     []Alert
	Audit      Audit
	Metrics    []byte // as the operations listener gives them; labels take fixed values
	Goroutines []byte // counted stacks, without arguments
	// Missing says what could not be read, by the name of its file, and why.
	Missing map[string]Word
}

// Program is what runs, and on what.
type Program struct {
	Version  string    `json:"version"`
	Go       string    `json:"go"`
	System   string    `json:"system"`
	Database Word      `json:"database"`
	Schema   int64     `json:"schema"`
	Started  time.Time `json:"started"`
	CPUs     int       `json:"cpus"`
}

// Setting is one setting in effect. Its value is left out where it is text that
// somebody wrote; Set tells whether there is any.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value,omitempty"`
	Set   bool   `json:"set"`
}

// Counts are how many there are of what is kept.
type Counts struct {
	Tenants  int          `json:"tenants"`
	Shops    int          `json:"shops"`
	Apps     int          `json:"apps"`
	Clients  int          `json:"clients"`
	Admins   int          `json:"admins"`
	Grants   []GrantCount `json:"grants"`
	Sessions []DoorCount  `json:"sessions"`
}

// GrantCount is how many grants of a kind are in a state.
type GrantCount struct {
	Kind  Word  `json:"kind"`
	State Word  `json:"state"`
	N     int64 `json:"n"`
}

// DoorCount is how many sessions began at a door.
type DoorCount struct {
	Door Word  `json:"door"`
	N    int64 `json:"n"`
}

// Readiness is what the operations listener says of it.
type Readiness struct {
	Ready    bool     `json:"ready"`
	Degraded []string `json:"degraded"`
}

// Finding is what the doctor found. Texts and facts are the doctor's, who shows no
// secret to anybody.
type Finding struct {
	Check   Word   `json:"check"`
	Subject Word   `json:"subject"`
	Verdict Word   `json:"verdict"`
	Cause   string `json:"cause"`
	Next    string `json:"next,omitempty"`
	ErrCode int    `json:"errcode,omitempty"`
	Proof   []Fact `json:"proof,omitempty"`
}

// Fact is one thing that the doctor saw.
type Fact struct {
	Name  Word   `json:"name"`
	Value string `json:"value"`
}

// Alert is something that is wrong. What it is about and its details are left out.
type Alert struct {
	Kind     Word      `json:"kind"`
	State    Word      `json:"state"`
	Severity Word      `json:"severity"`
	Opened   time.Time `json:"opened"`
	Last     time.Time `json:"last"`
	Count    int       `json:"count"`
	Members  int       `json:"members"`
}

// Audit sums up the end of the audit log.
type Audit struct {
	Size    int64        `json:"size"`
	Actions []ActionStat `json:"actions"` // of the newest entries
	Newest  []Line       `json:"newest"`
}

// ActionStat is how often something was done.
type ActionStat struct {
	Action  Word `json:"action"`
	Outcome Word `json:"outcome"`
	Reason  Word `json:"reason,omitempty"`
	N       int  `json:"n"`
}

// Line is an audit entry without who, whom and its details.
type Line struct {
	Seq     int64     `json:"seq"`
	At      time.Time `json:"at"`
	Actor   Word      `json:"actor"` // its kind
	Action  Word      `json:"action"`
	Outcome Word      `json:"outcome"`
	Reason  Word      `json:"reason,omitempty"`
}

// Word is a word of a fixed set, or an id that an operator chose. What does not look
// like one is withheld when it is written, so that a mistake elsewhere stays there.
type Word string

// maxWord is longer than any word of ours.
const maxWord = 80

// withheld stands for what is no word.
const withheld = "(withheld)"

// MarshalText implements encoding.TextMarshaler.
func (w Word) MarshalText() ([]byte, error) {
	if len(w) > maxWord {
		return []byte(withheld), nil
	}
	for _, c := range []byte(w) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !bytes.ContainsRune([]byte("_-.: "), rune(c)) {
			return []byte(withheld), nil
		}
	}
	return []byte(w), nil
}

// File is one file of a bundle, as the manifest lists it.
type File struct {
	Name  string `json:"name"`
	Why   string `json:"why"`
	Bytes int    `json:"bytes"`
}

// Manifest is the list of what is in a bundle, and what is not.
type Manifest struct {
	Made    time.Time       `json:"made"`
	Files   []File          `json:"files"`
	Missing map[string]Word `json:"missing,omitempty"`
	Never   string          `json:"never"`
}

// ManifestFile is the first file of a bundle.
const ManifestFile = "manifest.json"

const never = "No token, key, secret, address of a channel, openid, nickname or body of a request is in a bundle, and no option puts one in."

// part is a file that is to be written.
type part struct {
	name, why string
	body      any // bytes as they are, or what becomes JSON
}

func (c Contents) parts() []part {
	return []part{
		{"program.json", "which version runs where, on which database", c.Program},
		{"settings.json", "the settings in effect: numbers, switches and hosts; of other text only whether there is any", c.Settings},
		{"counts.json", "how much there is of what is kept", c.Counts},
		{"readiness.json", "whether it can serve, and what is degraded", c.Readiness},
		{"doctor.json", "what the doctor found, with proof and next step", c.Findings},
		{"alerts.json", "what is wrong now, without what it is about", c.Alerts},
		{"audit.json", "what was done lately, without who, whom and details", c.Audit},
		{"metrics.txt", "every metric, as Prometheus reads it", c.Metrics},
		{"goroutines.txt", "what the process does now: counted stacks without arguments", c.Goroutines},
	}
}

// Write writes the bundle as a gzipped tar archive, its manifest first, and gives the
// manifest.
func (c Contents) Write(w io.Writer) (Manifest, error) {
	m := Manifest{Made: c.Made.UTC(), Missing: c.Missing, Never: never}
	var bodies [][]byte
	for _, p := range c.parts() {
		if _, gone := c.Missing[p.name]; gone {
			continue
		}
		body, err := p.bytes()
		if err != nil {
			return Manifest{}, err
		}
		bodies = append(bodies, body)
		m.Files = append(m.Files, File{p.name, p.why, len(body)})
	}
	head, err := part{name: ManifestFile, body: m}.bytes()
	if err != nil {
		return Manifest{}, err
	}
	zipped := gzip.NewWriter(w)
	out := archive{tar.NewWriter(zipped), m.Made}
	if err := out.add(ManifestFile, head); err != nil {
		return Manifest{}, err
	}
	for i, f := range m.Files {
		if err := out.add(f.Name, bodies[i]); err != nil {
			return Manifest{}, err
		}
	}
	if err := out.tar.Close(); err != nil {
		return Manifest{}, fmt.Errorf("bundle: write the archive: %w", err)
	}
	if err := zipped.Close(); err != nil {
		return Manifest{}, fmt.Errorf("bundle: write the archive: %w", err)
	}
	return m, nil
}

func (p part) bytes() ([]byte, error) {
	if raw, ok := p.body.([]byte); ok {
		return raw, nil
	}
	b, err := json.MarshalIndent(p.body, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("bundle: write %s: %w", p.name, err)
	}
	return append(b, '\n'), nil
}

type archive struct {
	tar  *tar.Writer
	made time.Time
}

func (a archive) add(name string, body []byte) error {
	h := &tar.Header{Name: "zhanggui-support/" + name, Mode: 0o600, Size: int64(len(body)), ModTime: a.made}
	if err := a.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("bundle: write %s: %w", name, err)
	}
	if _, err := a.tar.Write(body); err != nil {
		return fmt.Errorf("bundle: write %s: %w", name, err)
	}
	return nil
}
