package outbox_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/zhanggui/zhanggui/internal/notice"
	"github.com/zhanggui/zhanggui/internal/outbox"
)

// TestHowLoudTheLogIs: what is wrong is as loud as it is bad, and its end is not.
func TestHowLoudTheLogIs(t *testing.T) {
	for _, c := range []struct {
		severity notice.Severity
		phase    notice.Phase
		level    string
	}{
		{notice.Info, notice.Raised, "INFO"}, {notice.Warning, notice.Raised, "WARN"}, {notice.Critical, notice.Raised, "ERROR"},
		{notice.Critical, notice.Over, "INFO"},
	} {
		var out strings.Builder
		m := outbox.Message{ID: "n_1", Notice: notice.Notice{At: time.Now(), Kind: notice.StoreFailing}, Severity: c.severity, Phase: c.phase}
		outbox.Log(slog.New(slog.NewTextHandler(&out, nil))).Send(t.Context(), m)
		if !strings.Contains(out.String(), "level="+c.level+" ") {
			t.Errorf("%s, %s: %s, want %s", c.severity, c.phase, &out, c.level)
		}
	}
}
