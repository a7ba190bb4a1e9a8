package proof

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Names of what a story leaves, below its directory.
const (
	stepsFile  = "steps.json"
	ledgerFile = "ledger.json"
	worldFile  = "world.json"
	logFile    = "server.log"
	dataDir    = "data"
)

// evidence is everything that a story left, as read.
type evidence struct {
	told   []string // steps that the story says it finished
	ledger []request
	world  world
	log    []logLine
	files  map[string][]byte // every regular file, by its path below the directory
	rows   rows
	vault  *keyset
	audit  []entry
}

// request is one request that reached the emulated WeChat.
type request struct {
	Seq       int64     `json:"seq"`
	Time      time.Time `json:"time"`
	Method    string    `json:"method"`
	Host      string    `json:"host"`
	Path      string    `json:"path"`
	Status    int       `json:"status"`
	ErrCode   int       `json:"errcode"`
	AppID     string    `json:"appid"`
	TokenKind string    `json:"token_kind"`
	Person    string    `json:"person"`
	RawQuery  string    `json:"raw_query"`
	RawBody   string    `json:"raw_body"`
}

// query gives the decoded query; what does not decode is absent.
func (r request) query() url.Values {
	q, _ := url.ParseQuery(r.RawQuery)
	return q
}

// form gives the decoded body of a form, or an empty one.
func (r request) form() url.Values {
	q, _ := url.ParseQuery(r.RawBody)
	return q
}

// world is what the emulator began with.
type world struct {
	Apps []struct {
		AppID  string `json:"appid"`
		Secret string `json:"secret"`
		Kind   string `json:"kind"`
	} `json:"apps"`
	People []struct {
		Name     string `json:"name"`
		Nickname string `json:"nickname"`
		Snapshot bool   `json:"snapshot"`
	} `json:"people"`
	Shops []struct {
		AppID string `json:"appid"`
	} `json:"shops"`
}

// logLine is one line of the server's log.
type logLine struct {
	Msg    string `json:"msg"`
	Method string `json:"method"`
	Route  string `json:"route"`
	Status int    `json:"status"`
	Bytes  int64  `json:"bytes"`
	Code   string `json:"code"`
}

// on tells whether the line is of a request whose route contains part.
func (l logLine) on(part string) bool { return l.Msg == "request" && strings.Contains(l.Route, part) }

// gather reads everything below dir.
func gather(dir string) (*evidence, error) {
	e := &evidence{files: map[string][]byte{}}
	if err := e.readFiles(dir); err != nil {
		return nil, err
	}
	for name, into := range map[string]any{ledgerFile: &e.ledger, worldFile: &e.world} {
		if err := e.readJSON(name, into); err != nil {
			return nil, err
		}
	}
	for _, read := range []func() error{e.readSteps, e.readLog, e.readDatabase, e.readVault, e.readAudit} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *evidence) readFiles(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		e.files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
}

func (e *evidence) readJSON(name string, into any) error {
	b, ok := e.files[name]
	if !ok {
		return fmt.Errorf("%s: %w; keep a story with: zhanggui demo --once --keep DIR", name, fs.ErrNotExist)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (e *evidence) readSteps() error {
	var told []struct {
		Step string `json:"step"`
		OK   bool   `json:"ok"`
	}
	if err := e.readJSON(stepsFile, &told); err != nil {
		return err
	}
	for _, s := range told {
		if s.OK {
			e.told = append(e.told, s.Step)
		}
	}
	return nil
}

func (e *evidence) readLog() error {
	lines := bufio.NewScanner(bytes.NewReader(e.files[logFile]))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var l logLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return fmt.Errorf("%s, line %d: %w", logFile, n, err)
		}
		e.log = append(e.log, l)
	}
	return lines.Err()
}

// exchanges gives the requests that brought a code to WeChat.
func (e *evidence) exchanges() []request { return e.to("/sns/oauth2/access_token") }

// to gives the requests to one path.
func (e *evidence) to(path string) []request {
	var all []request
	for _, r := range e.ledger {
		if r.Path == path {
			all = append(all, r)
		}
	}
	return all
}

// links gives the openings of WeChat's own login pages.
func (e *evidence) links() []request {
	return append(e.to("/connect/oauth2/authorize"), e.to("/connect/qrconnect")...)
}

func sum(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}
