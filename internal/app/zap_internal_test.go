package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"

	"go.uber.org/zap"
)

// TestSlogCore: what certmagic says arrives with its level and its fields.
func TestSlogCore(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	to := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn}))
	log := zap.New(slogCore{to}).With(zap.String("issuer", "acme"))
	log.Info("not wanted")
	log.Warn("no certificate yet", zap.String("host", "zhanggui.example.com"), zap.Error(errors.New("refused")))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	for field, want := range map[string]string{"level": "WARN", "msg": "no certificate yet", "issuer": "acme", "host": "zhanggui.example.com", "error": "refused"} {
		if line[field] != want {
			t.Errorf("%s is %v, want %s", field, line[field], want)
		}
	}
}
