package web

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestLinesAreHandedOnInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := NewLogBuffer(&out)
		for _, line := range []string{"one\n", "two\n"} {
			if n, err := b.Write([]byte(line)); n != len(line) || err != nil {
				t.Fatal(n, err)
			}
		}
		time.Sleep(logDelay - time.Millisecond)
		synctest.Wait()
		handedOn := func() string {
			b.mu.Lock() // it guards what is written to as well
			defer b.mu.Unlock()
			return out.String()
		}
		if got := handedOn(); got != "" {
			t.Errorf("%q was not collected", got)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := handedOn(); got != "one\ntwo\n" {
			t.Errorf("%q after %v", got, logDelay)
		}
	})
}

func TestAFullBatchIsHandedOnWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := NewLogBuffer(&out)
		line := []byte(strings.Repeat("x", 999) + "\n")
		for range logBatch/len(line) + 1 {
			_, _ = b.Write(line)
		}
		if n := out.Len(); n == 0 || n > logBatch || n%len(line) != 0 {
			t.Errorf("%d bytes were handed on", n)
		}
		long := []byte(strings.Repeat("y", 2*logBatch) + "\n")
		_, _ = b.Write(long)
		if err := b.Close(); err != nil || !bytes.HasSuffix(out.Bytes(), long) {
			t.Errorf("the long line was cut; %v", err)
		}
	})
}

func TestBadNewsDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := NewLogBuffer(&out)
		log := slog.New(b.Handler(slog.NewTextHandler(b, nil))).With("a", 1).WithGroup("g")
		log.Info("fine")
		if out.Len() != 0 {
			t.Error("information was not collected")
		}
		log.Warn("odd", "k", "v")
		if got := out.String(); !strings.Contains(got, "fine") || !strings.Contains(got, "msg=odd a=1 g.k=v") {
			t.Errorf("handed on: %s", got)
		}
		b.Close()
	})
}

func TestClosingLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := NewLogBuffer(&out)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 100 {
					_, _ = b.Write([]byte("line\n"))
				}
			})
		}
		wg.Wait()
		if err := b.Close(); err != nil || out.String() != strings.Repeat("line\n", 800) {
			t.Errorf("%d bytes, %v", out.Len(), err)
		}
		_, _ = b.Write([]byte("late\n"))
		if !strings.HasSuffix(out.String(), "late\n") {
			t.Error("what was said after the end is lost")
		}
	})
}

func TestAFullDiskIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left")
		b := NewLogBuffer(fullDisk{full})
		_, _ = b.Write([]byte("line\n"))
		if err := b.Flush(); !errors.Is(err, full) {
			t.Errorf("flush: %v", err)
		}
		if _, err := b.Write([]byte("line\n")); !errors.Is(err, full) {
			t.Errorf("write: %v", err)
		}
		if err := b.Close(); !errors.Is(err, full) {
			t.Errorf("close: %v", err)
		}
	})
}

type fullDisk struct{ err error }

func (f fullDisk) Write([]byte) (int, error) { return 0, f.err }
