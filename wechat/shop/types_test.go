package shop_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/zhanggui/zhanggui/wechat/shop"
)

func TestFenReadsInYuan(t *testing.T) {
	for amount, want := range map[shop.Fen]string{
		0: "¥0.00", 5: "¥0.05", 1234: "¥12.34", -5: "-¥0.05", -1234: "-¥12.34",
		math.MaxInt64: "¥92233720368547758.07", math.MinInt64: "-¥92233720368547758.08",
	} {
		if got := amount.String(); got != want {
			t.Errorf("%d fen: %s, want %s", int64(amount), got, want)
		}
	}
}

func TestNumbersAreReadInEveryForm(t *testing.T) {
	for in, want := range map[string]int64{
		`12`: 12, `"12"`: 12, `" 12 "`: 12, `-3`: -3, `null`: 0, `""`: 0, `12.0`: 12, `1.2e1`: 12, `"12.00"`: 12,
		`9223372036854775807`: math.MaxInt64, `"9007199254740993"`: 9007199254740993,
	} {
		var i shop.Int
		var f shop.Fen
		if err := json.Unmarshal([]byte(in), &i); err != nil || int64(i) != want {
			t.Errorf("Int %s: %d, %v", in, i, err)
		}
		if err := json.Unmarshal([]byte(in), &f); err != nil || int64(f) != want {
			t.Errorf("Fen %s: %d, %v", in, f, err)
		}
	}
}

func TestOddNumbersAreErrors(t *testing.T) {
	for _, in := range []string{`12.5`, `"12.5"`, `1e30`, `"abc"`, `true`, `{}`, `[]`, `"NaN"`, `"Inf"`, `"0x10"`, `"1_0"`, `18446744073709551615`} {
		for what, to := range map[string]any{"Int": new(shop.Int), "Fen": new(shop.Fen), "status": new(shop.OrderStatus)} {
			if json.Unmarshal([]byte(in), to) == nil {
				t.Errorf("%s took %s", what, in)
			}
		}
	}
	for _, in := range []string{`"abc"`, `{}`, `"NaN"`, `"Inf"`, `"0x1p-2"`, `1e999`, `true`} {
		if json.Unmarshal([]byte(in), new(shop.Float)) == nil {
			t.Errorf("Float took %s", in)
		}
	}
}

func TestFlagsAreReadInEveryForm(t *testing.T) {
	for in, want := range map[string]bool{
		`true`: true, `1`: true, `"1"`: true, `"true"`: true, `2`: true,
		`false`: false, `0`: false, `"0"`: false, `null`: false, `""`: false,
	} {
		var flag shop.Flag
		var bit shop.Bit
		if err := json.Unmarshal([]byte(in), &flag); err != nil || bool(flag) != want {
			t.Errorf("Flag %s: %v, %v", in, flag, err)
		}
		if err := json.Unmarshal([]byte(in), &bit); err != nil || bool(bit) != want {
			t.Errorf("Bit %s: %v, %v", in, bit, err)
		}
	}
	if json.Unmarshal([]byte(`"maybe"`), new(shop.Flag)) == nil {
		t.Error("Flag took maybe")
	}
	if b, err := json.Marshal([]any{shop.Flag(true), shop.Bit(true), shop.Bit(false)}); string(b) != "[true,1,0]" {
		t.Errorf("%s, %v", b, err)
	}
}

func TestNumberIDIsSentAsANumber(t *testing.T) {
	var id shop.NumberID
	if err := json.Unmarshal([]byte(`"3704612354559743232"`), &id); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(id); string(b) != "3704612354559743232" {
		t.Errorf("%s, %v", b, err)
	}
	for _, bad := range []shop.NumberID{"", "12a", "-1", "1e3", "18446744073709551616"} {
		if b, err := json.Marshal(bad); err == nil || !strings.Contains(err.Error(), "whole number") {
			t.Errorf("%q was written as %s, %v", bad, b, err)
		}
	}
}

func TestTimesAreReadInEveryForm(t *testing.T) {
	noon := time.Date(2020, 3, 25, 4, 5, 25, 0, time.UTC)
	for in, want := range map[string]time.Time{
		`1585109125`: noon, `"1585109125"`: noon, `"2020-03-25 12:05:25"`: noon, `"2020/03/25 12:05:25"`: noon,
		`"2020-03-25T04:05:25Z"`: noon, `"2020-03-25"`: time.Date(2020, 3, 24, 16, 0, 0, 0, time.UTC),
		`0`: {}, `""`: {}, `null`: {}, `-5`: {}, `"0000-00-00 00:00:00"`: {}, `"soon"`: {}, `1585109125000`: {}, `true`: {}, `{}`: {},
	} {
		var got shop.Time
		if err := json.Unmarshal([]byte(in), &got); err != nil || !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	if b, err := json.Marshal([]shop.Time{shop.At(noon), {}}); string(b) != "[1585109125,0]" {
		t.Errorf("%s, %v", b, err)
	}
	if zone, offset := shop.Unix(1585109125).Zone(); offset != 8*3600 {
		t.Errorf("zone %s", zone)
	}
}

// TestTimesSurviveTheWire: a moment in whole seconds comes back as it went.
func TestTimesSurviveTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := shop.Unix(rapid.Int64Range(1, 253402271999).Draw(t, "seconds"))
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{string(b), `"` + string(b) + `"`, `"` + want.Format(time.DateTime) + `"`} {
			var got shop.Time
			if err := json.Unmarshal([]byte(form), &got); err != nil || !got.Equal(want.Time) {
				t.Fatalf("%s: %v, %v, want %v", form, got, err, want)
			}
		}
	})
}

func TestUnknownKindsAreKept(t *testing.T) {
	var got struct {
		Order shop.OrderStatus     `json:"order"`
		After shop.AfterSaleStatus `json:"after"`
		Num   shop.AfterSaleStatus `json:"num"`
	}
	if err := json.Unmarshal([]byte(`{"order":"777","after":"A_NEW_ONE","num":8}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.Order != 777 || got.Order.String() != "status(777)" || got.After != "A_NEW_ONE" || got.Num != "8" {
		t.Errorf("%+v", got)
	}
	if json.Unmarshal([]byte(`{"after":{}}`), &got) == nil || json.Unmarshal([]byte(`{"after":true}`), &got) == nil {
		t.Error("an object is no status")
	}
}

// FuzzScalars: whatever is read can be written and read again the same.
func FuzzScalars(f *testing.F) {
	for _, seed := range []string{`1`, `"1"`, `"2020-03-25 12:05:25"`, `null`, `""`, `true`, `12.0`, `-0`, `1e5`, `"\u0031"`, `9223372036854775808`, `"{}"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		again[shop.Int](t, in)
		again[shop.Fen](t, in)
		again[shop.Flag](t, in)
		again[shop.Bit](t, in)
		again[shop.Float](t, in)
		again[shop.Time](t, in)
		again[shop.ID](t, in)
		again[shop.OrderStatus](t, in)
		again[shop.AfterSaleStatus](t, in)
	})
}

func again[T any](t *testing.T, in string) {
	t.Helper()
	var first, second T
	if json.Unmarshal([]byte(in), &first) != nil {
		return
	}
	b, err := json.Marshal(first)
	if err != nil {
		t.Fatalf("%T from %q cannot be written: %v", first, in, err)
	}
	if err := json.Unmarshal(b, &second); err != nil {
		t.Fatalf("%T from %q cannot be read again from %s: %v", first, in, b, err)
	}
	if c, err := json.Marshal(second); err != nil || string(c) != string(b) {
		t.Fatalf("%T from %q changed from %s to %s, %v", first, in, b, c, err)
	}
}

// TestAreaListsHaveTwoNames: the table and the sample of the page differ.
func TestAreaListsHaveTwoNames(t *testing.T) {
	for _, name := range []string{"address_infos", "address_info"} {
		var l shop.AreaList
		if err := json.Unmarshal([]byte(`{"`+name+`":[{"province_name":"广东省"}]}`), &l); err != nil || len(l.Areas) != 1 || l.Areas[0].Province != "广东省" {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"address_infos":1}`), &shop.AreaList{}); err == nil {
		t.Error("a number was taken for a list")
	}
}
