package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zhanggui/zhanggui/internal/adminapi"
)

// Step is one line of the story.
type Step struct {
	Name  string `json:"step"`
	OK    bool   `json:"ok"`
	Proof string `json:"proof,omitempty"`
	Error string `json:"error,omitempty"`
}

// story carries from one step to the next what the people in it know.
type story struct {
	*stage
	key    string   // the program's client key
	owner  *browser // the owner's phone
	person string   // the owner's id with us
	grants struct{ shop, owner string }
	code   string // a login code that was used
}

// steps are the story in its order.
var steps = []struct {
	name string
	play func(*story, context.Context) (proof string, err error)
}{
	{"app registered", (*story).register},
	{"callback domain proven", (*story).proveDomain},
	{"owner authorised", (*story).authorise},
	{"tokens sealed", (*story).sealed},
	{"token refreshed by the keeper without anybody asking", (*story).refreshed},
	{"shop API called through the gateway", (*story).call},
	{"owner logged in silently", (*story).silent},
	{"refused user turned away", (*story).refusal},
	{"reused code turned away", (*story).reusedCode},
	{"foreign state turned away", (*story).foreignState},
	{"snapshot user turned away", (*story).snapshot},
	{"authorisation revoked and calls refused", (*story).revoke},
	{"audit log verified", (*story).verify},
}

// Once walks the story and tells one line a step. The error names the first step
// that failed.
func Once(ctx context.Context, o Options) (err error) {
	st, err := open(ctx, o, "127.0.0.1:0", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close(o)) }()
	s := &story{stage: st, owner: newBrowser(st.url, phone)}
	var told []Step
	defer func() {
		if o.Keep != "" {
			err = errors.Join(err, keepSteps(st.dir, told))
		}
	}()
	for i, step := range steps {
		proof, err := step.play(s, ctx)
		line := Step{Name: step.name, OK: err == nil, Proof: proof}
		if err != nil {
			line.Error = err.Error()
		}
		told = append(told, line)
		if err := line.print(o, i+1); err != nil {
			return err
		}
		if err != nil {
			return fmt.Errorf("step %d, %s: %w", i+1, step.name, err)
		}
	}
	return nil
}

func (l Step) print(o Options, n int) error {
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(l)
	}
	mark, text := "ok  ", l.Proof
	if !l.OK {
		mark, text = "FAIL", l.Error
	}
	_, err := fmt.Fprintf(o.Out, "%s %2d/%d %s: %s\n", mark, n, len(steps), l.Name, text)
	return err
}

func keepSteps(dir string, told []Step) error {
	b, err := json.MarshalIndent(told, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, stepsFile), b, 0o600)
}

// grantOf finds the one active grant of a kind.
func (s *stage) grantOf(ctx context.Context, kind string) (adminapi.GrantView, error) {
	var all struct{ Items []adminapi.GrantView }
	if err := s.ask(ctx, "GET", "/v1/grants?kind="+kind, nil, &all); err != nil {
		return adminapi.GrantView{}, err
	}
	if len(all.Items) != 1 {
		return adminapi.GrantView{}, fmt.Errorf("%d grants of kind %s are kept, 1 is expected", len(all.Items), kind)
	}
	return all.Items[0], nil
}
