package config

import (
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/zhanggui/zhanggui/internal/web"
)

// Audit says what becomes of the audit log besides the database.
type Audit struct {
	Retention   time.Duration `yaml:"retention" env:"RETENTION" doc:"How long audit entries stay in the database, 4320h at least; older ones are moved to archive files, and their hashes stay. 0: for ever."`
	Archive     string        `yaml:"archive" env:"ARCHIVE" doc:"Directory of archive files. Empty: audit-archive in the data directory."`
	Checkpoints []Checkpoint  `yaml:"checkpoints" envPrefix:"CHECKPOINTS_"`
	WitnessFor  []Witnessed   `yaml:"witness_for" envPrefix:"WITNESS_FOR_"`
}

// Checkpoint is another place that signed heads of the audit log go to: one of
// File, URL and Witness is set.
type Checkpoint struct {
	Every        time.Duration `yaml:"every" env:"EVERY" doc:"How often a signed head of the audit log goes to this place, if the log grew. 0: 1h."`
	File         string        `yaml:"file" env:"FILE" doc:"File in another directory that heads are appended to, such as on a disk that can only be written once."`
	URL          URL           `yaml:"url" env:"URL" doc:"In place of a file: address that heads are posted to, signed like notices."`
	Secret       Secret        `yaml:"secret" env:"SECRET" doc:"What heads posted to url are signed with: file:/path or env:NAME, holding whsec_ and base64 of 24 to 64 random bytes."`
	Witness      URL           `yaml:"witness" env:"WITNESS" doc:"In place of a file: another Zhanggui that remembers heads, such as https://other.example.com/v1/witness/main; there, witness_for has our public key."`
	AllowPrivate bool          `yaml:"allow_private" env:"ALLOW_PRIVATE" doc:"Whether the address may be on this machine or in a private network."`
}

// Witnessed is another server whose signed heads are remembered here.
type Witnessed struct {
	Name string `yaml:"name" env:"NAME" doc:"What the other server's log is called here: the last part of the address that it sends heads to."`
	Pub  string `yaml:"pub" env:"PUB" doc:"Its public key, the line of its audit.pub."`
}

const (
	leastRetention = 180 * 24 * time.Hour
	leastEvery     = 10 * time.Second
	// DefaultEvery is how often heads go to a place that does not say.
	DefaultEvery = time.Hour
)

// Verifier checks what the other server signed. It is nil for a key that check
// refused.
func (w Witnessed) Verifier() note.Verifier {
	v, err := note.NewVerifier(w.Pub)
	if err != nil {
		return nil
	}
	return v
}

func (c *Config) checkAudit(r *report) {
	a := c.Audit
	r.want(a.Retention == 0 || a.Retention >= leastRetention, "audit.retention", "is shorter than 180 days", "write 4320h or more, or 0 to keep entries in the database for ever")
	for i, p := range a.Checkpoints {
		p.check(r, item("audit.checkpoints", i), c)
	}
	seen := map[string]bool{}
	for i, w := range a.WitnessFor {
		at := item("audit.witness_for", i)
		r.want(logName.MatchString(w.Name), at+".name", "is not a name", "write lower-case letters, digits and -")
		r.want(!seen[w.Name], at+".name", "is there twice", "give each log a name of its own")
		seen[w.Name] = true
		r.want(w.Verifier() != nil, at+".pub", "is not a public key", "write the line of the other server's audit.pub")
	}
}

var logName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

func (p *Checkpoint) check(r *report, at string, c *Config) {
	r.want(p.Every == 0 || p.Every >= leastEvery, at+".every", "is shorter than ten seconds", "write 10s or more; heads are not signed more often")
	kinds := 0
	for _, set := range []bool{p.File != "", !p.URL.IsZero(), !p.Witness.IsZero()} {
		if set {
			kinds++
		}
	}
	if !r.want(kinds == 1, at, "does not name one place", "write one of file, url and witness") {
		return
	}
	switch {
	case p.File != "":
		r.want(filepath.IsAbs(p.File), at+".file", "is not an absolute path", "write the whole path, such as /mnt/worm/audit.heads")
	case !p.URL.IsZero():
		p.reachable(r, at+".url", p.URL, c)
		r.want(!p.Secret.IsZero(), at+".secret", "is empty", "write file:/path or env:NAME of what heads are signed with")
		r.secretRef(at+".secret", p.Secret, c.Loopback)
	default:
		p.reachable(r, at+".witness", p.Witness, c)
	}
}

// reachable wants https, or this machine where that is allowed.
func (p *Checkpoint) reachable(r *report, at string, to URL, c *Config) {
	u := to.URL()
	local := web.IsLoopbackHost(u.Host)
	r.want(u.Scheme == "https" || c.Loopback && local, at, "is not https", "write https://; http is for loopback names with loopback: true")
	r.want(!local || p.AllowPrivate, at, "is on this machine", "write allow_private: true beside it, or a public address")
}
