package channel

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/webhook"
)

// Robot sends messages to one place. It is safe for concurrent use.
type Robot struct {
	name   string
	poster *webhook.Poster
	pace   *pace
	// ask makes the request of one message.
	ask func(ctx context.Context, m notice.Message) (*http.Request, error)
	// read says what an answer with a good status means; nil: that it was taken.
	read func(answer []byte) webhook.Outcome
}

// Name tells channels apart.
func (r *Robot) Name() string { return r.name }

// Wait is how long the place takes nothing; 0: it takes something now.
func (r *Robot) Wait() time.Duration { return r.pace.wait() }

// Send tries once, until ctx ends at the latest.
func (r *Robot) Send(ctx context.Context, m notice.Message) webhook.Outcome {
	req, err := r.ask(ctx, m)
	if err != nil {
		return webhook.Outcome{Verdict: webhook.Refused, Reason: "cannot be written"}
	}
	r.pace.took()
	answer, out := r.poster.Ask(req)
	if out.Verdict == webhook.Taken && r.read != nil {
		out = r.read(answer)
	}
	if out.After > 0 {
		r.pace.hold(out.After)
	}
	return out
}

// post makes a request of a body. Its error does not repeat the address, which
// holds the robot's key.
func post(ctx context.Context, address string, body any) (*http.Request, error) {
	b, err := encode(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(b))
	if err != nil {
		return nil, errAddress
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	return req, nil
}

// encode writes JSON without escapes for HTML: each would be six bytes of a limit.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// size is how many bytes a body has.
func size(body any) int {
	b, err := encode(body)
	if err != nil {
		return 0
	}
	return len(b)
}

const reasonOdd = "answer not understood"

// code reads the number that an answer carries in field. busy are the numbers that
// ask for fewer messages, quiet is how long to send none then.
func code(field string, quiet time.Duration, busy ...int64) func([]byte) webhook.Outcome {
	return func(answer []byte) webhook.Outcome {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(answer, &fields); err != nil {
			return webhook.Outcome{Verdict: webhook.Later, Reason: reasonOdd}
		}
		n, err := strconv.ParseInt(string(fields[field]), 10, 64)
		switch {
		case err != nil:
			return webhook.Outcome{Verdict: webhook.Later, Reason: reasonOdd}
		case n == 0:
			return webhook.Outcome{}
		}
		out := webhook.Outcome{Verdict: webhook.Later, Reason: "answered " + field + " " + strconv.FormatInt(n, 10)}
		for _, b := range busy {
			if n == b {
				out.After = quiet
			}
		}
		return out
	}
}
