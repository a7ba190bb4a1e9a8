package shop

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat"
)

// ID is an identifier of WeChat's: of a product, an order, a template. It is
// read from numbers and strings, keeps every digit, and is sent as a string.
type ID = wechat.ID

// NumberID is an [ID] that a request must carry as a JSON number.
type NumberID string

// UnmarshalJSON takes a string or a whole number.
func (id *NumberID) UnmarshalJSON(b []byte) error { return (*ID)(id).UnmarshalJSON(b) }

// MarshalJSON writes the digits as a number, and refuses what is none.
func (id NumberID) MarshalJSON() ([]byte, error) {
	n, err := strconv.ParseUint(string(id), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("shop: this id must be a whole number, not %.30q", string(id))
	}
	return strconv.AppendUint(nil, n, 10), nil
}

// Fen is an amount of money in hundredths of a yuan, as all of WeChat's
// amounts are unless a field says otherwise.
type Fen int64

// String writes the amount in yuan: ¥12.34, -¥0.05.
func (f Fen) String() string {
	sign, n := "", uint64(f)
	if f < 0 {
		sign, n = "-", -uint64(f)
	}
	return fmt.Sprintf("%s¥%d.%02d", sign, n/100, n%100)
}

// UnmarshalJSON takes a whole number, or a string of one. Null and "" are 0. A
// fraction of a fen is an error, never rounded.
func (f *Fen) UnmarshalJSON(b []byte) error { return readInt(b, f) }

// Int is a count that WeChat may also send as a string.
type Int int64

// UnmarshalJSON takes a whole number, or a string of one. Null and "" are 0.
func (i *Int) UnmarshalJSON(b []byte) error { return readInt(b, i) }

// Float is a measure, such as a weight or a latitude, that WeChat may also
// send as a string.
type Float float64

// UnmarshalJSON takes a number, or a string of one. Null and "" are 0.
func (f *Float) UnmarshalJSON(b []byte) error {
	s := bare(b)
	if s == "" {
		*f = 0
		return nil
	}
	x, err := decimal(s)
	*f = Float(x)
	return err
}

// decimal reads a number as JSON writes it: no infinities, no hexadecimals.
func decimal(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, fmt.Errorf("shop: %.30q is no number", s)
	}
	return x, nil
}

// Flag is a yes or no that is sent as true or false, and read from 1 and 0 too.
type Flag bool

// UnmarshalJSON takes a boolean, a number, or a string of either. Null and ""
// are false.
func (f *Flag) UnmarshalJSON(b []byte) error {
	v, err := readBool(b)
	*f = Flag(v)
	return err
}

// Bit is a yes or no that is sent as 1 or 0, and read from true and false too.
type Bit bool

// UnmarshalJSON takes what [Flag] takes.
func (b *Bit) UnmarshalJSON(raw []byte) error {
	v, err := readBool(raw)
	*b = Bit(v)
	return err
}

// MarshalJSON writes 1 or 0.
func (b Bit) MarshalJSON() ([]byte, error) {
	if b {
		return []byte("1"), nil
	}
	return []byte("0"), nil
}

// readBool reads a boolean in any of its spellings.
func readBool(b []byte) (bool, error) {
	switch s := bare(b); s {
	case "true":
		return true, nil
	case "false", "":
		return false, nil
	default:
		n, err := wholeNumber(s)
		return n != 0, err
	}
}

// readInt reads a whole number into any integer type.
func readInt[T ~int | ~int64](b []byte, to *T) error {
	s := bare(b)
	if s == "" {
		*to = 0
		return nil
	}
	n, err := wholeNumber(s)
	if err != nil {
		return err
	}
	*to = T(n)
	return nil
}

// readText reads a string, or a number as it is written, into a named string.
func readText[T ~string](b []byte, to *T) error {
	if len(b) > 0 && b[0] != '"' && bare(b) != "" {
		if _, err := strconv.ParseFloat(string(b), 64); err != nil {
			return fmt.Errorf("shop: a text was expected, not %.30s", b)
		}
		*to = T(b)
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*to = T(s)
	return nil
}

// bare returns a JSON scalar without quotes and space around it; null is "".
func bare(b []byte) string {
	var s string
	if len(b) > 0 && b[0] == '"' {
		if json.Unmarshal(b, &s) != nil {
			return "\""
		}
		return strings.TrimSpace(s)
	}
	if s = strings.TrimSpace(string(b)); s == "null" {
		return ""
	}
	return s
}

// maxExact is up to where a float64 holds every whole number.
const maxExact = 1 << 53

// wholeNumber reads 12, and 12.0 and 1.2e1 as some encoders write it.
func wholeNumber(s string) (int64, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil
	}
	x, err := decimal(s)
	if err != nil || x != math.Trunc(x) || math.Abs(x) > maxExact {
		return 0, fmt.Errorf("shop: %.30q is no whole number that fits", s)
	}
	return int64(x), nil
}

// chinaTime is what WeChat's texts mean; China has one zone and no summer time.
var chinaTime = time.FixedZone("UTC+8", 8*60*60)

// lastMoment is the end of the year 9999 in China: time.Time has no JSON form
// beyond.
const lastMoment = 253402271999

// Time is a moment that WeChat sends as seconds since 1970, or as a text such as
// "2020-03-25 12:05:25" in China time. Requests carry the seconds. Read times are in
// China time; times without a moment, such as 0 and "", are the zero Time.
//
// What cannot be understood is the zero Time too: a shop's new product must not
// be lost because of the look of its time.
type Time struct{ time.Time }

// At wraps a moment for a request.
func At(t time.Time) Time { return Time{t} }

// Unix wraps seconds since 1970.
func Unix(seconds int64) Time { return Time{time.Unix(seconds, 0).In(chinaTime)} }

// timeForms are the texts that WeChat's pages show.
var timeForms = []string{time.DateTime, time.DateOnly, "2006/01/02 15:04:05", time.RFC3339}

// UnmarshalJSON takes seconds as number or string, and the texts.
func (t *Time) UnmarshalJSON(b []byte) error {
	*t = Time{}
	s := bare(b)
	for _, form := range timeForms {
		if at, err := time.ParseInLocation(form, s, chinaTime); err == nil {
			if at.Unix() > 0 && at.Unix() <= lastMoment {
				*t = Time{at.In(chinaTime)}
			}
			return nil
		}
	}
	if n, err := wholeNumber(s); err == nil && n > 0 && n <= lastMoment {
		*t = Unix(n)
	}
	return nil
}

// MarshalJSON writes the seconds since 1970; 0 for the zero Time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("0"), nil
	}
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}
