package ui

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/a-h/templ"
	"rsc.io/qr"
)

// AlertKind is how an [Alert] looks and how urgently it is read out.
type AlertKind string

// The kinds of alert.
const (
	AlertInfo    AlertKind = "info"
	AlertDone    AlertKind = "done"
	AlertWarn    AlertKind = "warn"
	AlertProblem AlertKind = "problem"
)

// FieldInfo describes one labelled input.
type FieldInfo struct {
	Name     string // form name; also makes the element's id
	Label    string
	Type     string // input type; empty is "text"
	Value    string // never put a secret here
	Hint     string
	Problem  string // what is wrong with the value; replaces the hint
	Required bool
	// Autocomplete is the browser's hint; empty is "off".
	Autocomplete string
	MaxLength    int
}

func (f FieldInfo) id() string           { return "f-" + f.Name }
func (f FieldInfo) kind() string         { return cmp.Or(f.Type, "text") }
func (f FieldInfo) autocomplete() string { return cmp.Or(f.Autocomplete, "off") }

// QR is a QR code of text as an SVG. Rendering fails if text is too long for
// one, about 2,300 bytes.
func QR(text string) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		code, err := qr.Encode(text, qr.M)
		if err != nil {
			return fmt.Errorf("ui: make a QR code of %d bytes; use a shorter text: %w", len(text), err)
		}
		return qrSVG(code.Size+2*quietZone, qrPath(code)).Render(ctx, w)
	})
}

// quietZone is the blank border, in modules, that the standard asks for.
const quietZone = 4

// qrPath draws each run of dark modules as one bar.
func qrPath(code *qr.Code) string {
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			start := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if n := x - start; n > 0 {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", start+quietZone, y+quietZone, n, n)
			}
		}
	}
	return b.String()
}

// ago puts a distance into words, rounded down.
func ago(ctx context.Context, t, now time.Time) string {
	d, past := now.Sub(t), true
	if d < 0 {
		d, past = -d, false
	}
	unit, count := "minutes", int(d/time.Minute)
	switch {
	case d < time.Minute:
		return T(ctx, "time.now")
	case d >= 48*time.Hour:
		unit, count = "days", int(d/(24*time.Hour))
	case d >= 2*time.Hour:
		unit, count = "hours", int(d/time.Hour)
	}
	key := "time.in_" + unit
	if past {
		key = "time." + unit + "_ago"
	}
	return T(ctx, key, map[string]any{"Count": count})
}
