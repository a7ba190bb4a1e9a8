package gateway

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// endless makes bytes without holding them.
type endless struct {
	left int64
	at   int
	seen hash.Hash
}

// pattern has a length that divides no buffer size, so that a piece lost,
// doubled or moved is noticed.
var pattern = func() []byte {
	b := make([]byte, 65_521)
	for i := range b {
		b[i] = byte(i>>3 ^ i*31)
	}
	return b
}()

func stuff(n int64) *endless { return &endless{left: n, seen: newSum()} }

func newSum() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), e.left)], pattern[e.at:])
	e.at = (e.at + n) % len(pattern)
	e.left -= int64(n)
	e.seen.Write(p[:n])
	return n, nil
}

func (e *endless) sum() string { return fmt.Sprintf("%x", e.seen.Sum(nil)) }

func sumOf(t testing.TB, r io.Reader) string {
	t.Helper()
	h := newSum()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{r}, make([]byte, 32<<10)); err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// heapPeak samples the heap while f runs and gives its growth.
func heapPeak(f func()) int64 {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse)
	}
	runtime.GC()
	before, peak := heap(), int64(0)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(10 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				peak = max(peak, heap())
			}
		}
	})
	f()
	close(done)
	wg.Wait()
	return peak - before
}

func TestLargeBodiesAreStreamed(t *testing.T) {
	const size = 64 << 20
	sums := make(chan string, 1)
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			sums <- sumOf(t, r.Body)
			return
		}
		body := stuff(size)
		_, _ = io.CopyBuffer(struct{ io.Writer }{w}, body, make([]byte, 32<<10))
		sums <- body.sum()
	}, func(c *Config) { c.MaxBody = size })
	grown := heapPeak(func() {
		body := stuff(size)
		req, _ := http.NewRequestWithContext(t.Context(), "POST", r.front.URL+"/wx/lantian/shop/ec/basics/img/upload", body)
		req.Header.Set("Authorization", "Bearer "+writeKey)
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := <-sums; got != body.sum() || res.StatusCode != 200 {
			t.Error("the upload was changed", res.Status)
		}
		req, _ = http.NewRequestWithContext(t.Context(), "GET", r.front.URL+"/wx/lantian/channels/ec/basics/media/get", nil)
		req.Header.Set("Authorization", "Bearer "+writeKey)
		if res, err = r.client.Do(req); err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got := sumOf(t, res.Body); got != <-sums {
			t.Error("the download was changed")
		}
	})
	if grown > 10<<20 {
		t.Errorf("the heap grew by %d KiB for %d MiB", grown>>10, size>>20)
	}
}

func TestTheFirstBytesAreNotHeldUp(t *testing.T) {
	goOn := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"errcode":0,"errmsg":"ok","list":[`)
		w.(http.Flusher).Flush()
		<-goOn
		io.WriteString(w, `]}`)
	})
	req, _ := http.NewRequestWithContext(t.Context(), "GET", r.front.URL+"/wx/lantian"+readPath, nil)
	req.Header.Set("Authorization", "Bearer "+writeKey)
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	first := make([]byte, 35)
	if _, err := io.ReadFull(res.Body, first); err != nil || !strings.HasPrefix(string(first), `{"errcode":0`) {
		t.Errorf("%q, %v", first, err)
	}
	close(goOn)
	if rest, err := io.ReadAll(res.Body); err != nil || string(rest) != `]}` {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestAnUploadReachesWeChatWhileItIsSent(t *testing.T) {
	arrived := make(chan string)
	r := newRig(t, func(_ http.ResponseWriter, r *http.Request) {
		first := make([]byte, 5)
		_, _ = io.ReadFull(r.Body, first)
		arrived <- string(first)
		_, _ = io.Copy(io.Discard, r.Body)
	})
	in, out := io.Pipe()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", r.front.URL+"/wx/lantian"+writePath, in)
	req.Header.Set("Authorization", "Bearer "+writeKey)
	var wg sync.WaitGroup
	wg.Go(func() {
		res, err := r.client.Do(req)
		if err != nil || res.StatusCode != 200 {
			t.Error(res, err)
			return
		}
		res.Body.Close()
	})
	io.WriteString(out, "hello")
	if got := <-arrived; got != "hello" {
		t.Errorf("arrived: %q", got)
	}
	out.Close()
	wg.Wait()
}

func TestAnAnswerMayComeBeforeTheUploadEnds(t *testing.T) {
	answer := `{"errcode":0,"x":"` + strings.Repeat("x", 200<<10) + `"}`
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			t.Error(err)
		}
		io.WriteString(w, answer)
		w.(http.Flusher).Flush()
		_, _ = io.Copy(io.Discard, r.Body)
	})
	for _, announced := range []int64{4 << 20, -1} {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", r.front.URL+"/wx/lantian"+writePath, stuff(4<<20))
		req.Header.Set("Authorization", "Bearer "+writeKey)
		req.ContentLength = announced
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		res.Body.Close()
		if string(got) != answer || err != nil {
			t.Errorf("length %d: %d of %d bytes, %v", announced, len(got), len(answer), err)
		}
	}
}

func TestAStreamIsNotReadBeyondItsLength(t *testing.T) {
	whole := 0
	body := io.MultiReader(strings.NewReader("whole"), iotest.ErrReader(errors.New("closed")))
	s := &stream{body: io.NopCloser(body), left: 5, whole: func() { whole++ }}
	got, err := io.ReadAll(s)
	if string(got) != "whole" || err != nil || s.err.Load() != nil || whole != 1 {
		t.Errorf("%q, %v, told the end %d times", got, err, whole)
	}
}

func TestWhenTheCallerLeavesWeChatIsToldSo(t *testing.T) {
	for name, begin := range map[string]bool{"before the answer": false, "in the answer": true} {
		t.Run(name, func(t *testing.T) {
			asked, cancelled := make(chan struct{}), make(chan struct{})
			r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				if begin {
					io.WriteString(w, `{"errcode":0,`)
					w.(http.Flusher).Flush()
				}
				close(asked)
				<-r.Context().Done()
				close(cancelled)
			})
			ctx, leave := context.WithCancel(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "POST", r.front.URL+"/wx/lantian"+readPath, strings.NewReader(`{}`))
			req.Header.Set("Authorization", "Bearer "+writeKey)
			var wg sync.WaitGroup
			wg.Go(func() {
				if res, err := r.client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			})
			<-asked
			left := time.Now()
			leave()
			<-cancelled
			if took := time.Since(left); took > time.Second {
				t.Errorf("after %v", took)
			}
			wg.Wait()
			if got := r.last(); !begin && got.status != 499 {
				t.Errorf("observed %+v", got)
			}
			r.clean(t)
		})
	}
}

func TestAnAnswerThatBreaksOffIsBrokenOff(t *testing.T) {
	for name, announced := range map[string]bool{"with a length": true, "chunked": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				if announced {
					w.Header().Set("Content-Length", "10000")
				}
				io.WriteString(w, `{"errcode":0,"errmsg":"ok",`+strings.Repeat(" ", 3000))
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			})
			req, _ := http.NewRequestWithContext(t.Context(), "GET", r.front.URL+"/wx/lantian"+readPath, nil)
			req.Header.Set("Authorization", "Bearer "+writeKey)
			res, err := r.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			if res.StatusCode != 200 || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(string(b), `{"errcode":0`) {
				t.Errorf("%d, %d bytes, %v: a torn answer looks whole", res.StatusCode, len(b), err)
			}
			r.clean(t)
		})
	}
}

func zipped(s string) []byte {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	io.WriteString(zw, s)
	zw.Close()
	return b.Bytes()
}

func TestCompressedAnswersPassByteForByte(t *testing.T) {
	for name, tc := range map[string]struct {
		body    []byte
		coding  string
		errcode string
	}{
		"gzip":               {zipped(`{"errcode":48001,"errmsg":"api unauthorized"}`), "gzip", "48001"},
		"large gzip":         {zipped(`{"errcode":0,"errmsg":"ok","x":"` + strings.Repeat("店铺", 50000) + `"}`), "gzip", "0"},
		"gzip of html":       {zipped(`<html>`), "GZIP", ""},
		"not gzip after all": {[]byte(`{"errcode":1}`), "gzip", ""},
		"cut gzip":           {zipped(`{"errcode":48001,"errmsg":"x"}`)[:8], "gzip", ""},
		"bomb":               {zipped(strings.Repeat(" ", 4<<20)), "gzip", ""},
		"another coding":     {[]byte("\x0b\x02\x80"), "br", ""},
		"empty":              {nil, "gzip", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Accept-Encoding") != "gzip, br" {
					t.Errorf("Accept-Encoding %q", r.Header.Get("Accept-Encoding"))
				}
				w.Header().Set("Content-Encoding", tc.coding)
				w.Write(tc.body)
			})
			a := r.post(t, readPath, `{}`, "Accept-Encoding", "gzip, br")
			if a.body != string(tc.body) || a.Header.Get("Content-Encoding") != tc.coding {
				t.Errorf("%d of %d bytes, coding %q", len(a.body), len(tc.body), a.Header.Get("Content-Encoding"))
			}
			if got := a.Header.Get(headerErrcode); got != tc.errcode {
				t.Errorf("errcode %q, want %q", got, tc.errcode)
			}
		})
	}
}

func TestADeadTokenIsSeenInACompressedAnswer(t *testing.T) {
	var calls atomic.Int32
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) == 1 {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(zipped(`{"errcode":42001,"errmsg":"access_token expired"}`))
			return
		}
		io.WriteString(w, `{"errcode":0}`)
	})
	if a := r.post(t, readPath, `{}`, "Accept-Encoding", "gzip"); a.body != `{"errcode":0}` {
		t.Errorf("answer %q", a.body)
	}
}

func TestOddAnswersPassUnchanged(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		kind   string
	}{
		"html with 200":    {200, "<html><body>busy</body></html>", "text/html"},
		"IP not listed":    {403, "forbidden", "text/plain"},
		"502 of the edge":  {502, "<html>", "text/html"},
		"no content":       {204, "", ""},
		"not modified":     {304, "", ""},
		"errcode as text":  {200, `{"errcode":"40013"}`, "text/plain"},
		"byte order mark":  {200, "\xef\xbb\xbf" + `{"errcode":0}`, ""},
		"partial content":  {206, "xyz", "image/jpeg"},
		"too many":         {429, "", ""},
		"raw control":      {200, "{\"errcode\":1,\"errmsg\":\"a\x01b\"}", ""},
		"made to split up": {200, `{"errcode":1,"errmsg":"x hint: [a\r\nSet-Cookie: x]"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tc.kind)
				w.WriteHeader(tc.status)
				io.WriteString(w, tc.body)
			})
			a := r.do(t, "GET", writeKey, "/wx/lantian"+readPath, "")
			if a.StatusCode != tc.status || a.body != tc.body || a.Header.Get("Content-Type") != tc.kind || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%d %q %v", a.StatusCode, a.body, a.Header)
			}
		})
	}
}

func TestBodiesOverTheLimit(t *testing.T) {
	const limit = 1 << 20
	for name, tc := range map[string]struct {
		size      int64
		announced bool
		status    int
	}{
		"at the limit, announced": {limit, true, 200},
		"over it, announced":      {limit + 1, true, 413},
		"100 MB announced":        {100 << 20, true, 413},
		"at the limit, chunked":   {limit, false, 200},
		"over it, chunked":        {limit + 1, false, 413},
		"100 MB chunked":          {100 << 20, false, 413},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
				func(c *Config) { c.MaxBody = limit })
			req, _ := http.NewRequestWithContext(t.Context(), "POST", r.front.URL+"/wx/lantian"+writePath, stuff(tc.size))
			req.Header.Set("Authorization", "Bearer "+writeKey)
			if tc.announced {
				req.ContentLength = tc.size
			}
			res, err := r.client.Do(req)
			if err != nil {
				if tc.size > limit+1 {
					return // the connection was closed while the caller still sent
				}
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != tc.status {
				b, _ := io.ReadAll(res.Body)
				t.Errorf("%d, want %d: %s", res.StatusCode, tc.status, b)
			}
		})
	}
}

func TestABodyThatEndsEarlyIsTheCallersFault(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			t.Error("WeChat took half a body for a whole one")
		}
	})
	for _, size := range []string{"100", "300000"} {
		got := raw(t, r, "POST /wx/lantian"+writePath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+writeKey+
			"\r\nContent-Length: "+size+"\r\n\r\nhalf")
		if strings.Contains(got, " 200 ") || strings.Contains(got, "wechat-cut") {
			t.Errorf("length %s: %s", size, got)
		}
	}
	got := raw(t, r, "POST /wx/lantian"+writePath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+writeKey+
		"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")
	if !strings.Contains(got, "body-broken") {
		t.Errorf("a bad chunk: %s", got)
	}
}

func TestAWriterWhoWaitsForPermission(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%d", len(b))
	})
	r.client.Transport.(*http.Transport).ExpectContinueTimeout = time.Minute
	for _, size := range []int{10, KeptBody + 1} {
		if a := r.post(t, writePath, strings.Repeat("x", size), "Expect", "100-continue"); a.StatusCode != 200 || a.body != fmt.Sprint(size) {
			t.Errorf("%d bytes: %d %s", size, a.StatusCode, a.body)
		}
	}
	// Refused before the body was asked for.
	a := r.do(t, "POST", readKey, "/wx/lantian"+writePath, strings.Repeat("x", KeptBody), "Expect", "100-continue")
	if a.StatusCode != 403 {
		t.Errorf("refusal: %d", a.StatusCode)
	}
}

func TestASlowCallerHoldsUpNobody(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyBuffer(struct{ io.Writer }{w}, stuff(8<<20), make([]byte, 32<<10))
	}, func(c *Config) { c.CallerTimeout = time.Second })
	req, _ := http.NewRequestWithContext(t.Context(), "GET", r.front.URL+"/wx/lantian"+readPath, nil)
	req.Header.Set("Authorization", "Bearer "+writeKey)
	slow, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	if a := r.do(t, "GET", writeKey, "/wx/lantian"+readPath, ""); len(a.body) != 8<<20 {
		t.Errorf("the other caller got %d bytes", len(a.body))
	}
	r.settle() // the slow one, who took nothing, was given up
	if n, err := io.Copy(io.Discard, slow.Body); err == nil || n == 8<<20 {
		t.Errorf("the slow caller got %d bytes, %v", n, err)
	}
}

func TestACallerWhoStopsSendingIsGivenUp(t *testing.T) {
	r := newRig(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		func(c *Config) { c.CallerTimeout = 50 * time.Millisecond })
	for _, size := range []string{"100", "300000"} {
		got := rawOpen(t, r, "POST /wx/lantian"+writePath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+writeKey+
			"\r\nContent-Length: "+size+"\r\n\r\nhalf")
		if strings.Contains(got, " 200 ") {
			t.Errorf("length %s: %s", size, got)
		}
	}
	r.settle()
}

// FuzzPeek: whatever WeChat sends, in whatever pieces, reaches the caller as it
// is.
func FuzzPeek(f *testing.F) {
	f.Add([]byte(`{"errcode":0,"errmsg":"ok"}`), 1, "")
	f.Add([]byte(`{"errcode":42001`), 2, "")
	f.Add(zipped(`{"errcode":42001,"errmsg":"x"}`), 3, "gzip")
	f.Add([]byte("\x1f\x8b\x08"), 1, "gzip")
	f.Add(bytes.Repeat([]byte("x"), 9000), 4000, "")
	f.Fuzz(func(t *testing.T, body []byte, piece int, coding string) {
		for name, r := range map[string]io.Reader{
			"pieces":   &pieces{bytes.NewReader(body), max(1, piece)},
			"one byte": iotest.OneByteReader(bytes.NewReader(body)),
			"with EOF": iotest.DataErrReader(bytes.NewReader(body)),
		} {
			a := &answered{Response: &http.Response{Header: http.Header{"Content-Encoding": {coding}}, Body: io.NopCloser(r)}}
			buf := buffers.get()
			if _, err := a.peek(buf[:]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			rest, err := io.ReadAll(a.Body)
			if got := append(buf[:a.first:a.first], rest...); err != nil || !bytes.Equal(got, body) {
				t.Errorf("%s: %d of %d bytes, %v", name, len(got), len(body), err)
			}
			if a.ended && len(rest) > 0 {
				t.Errorf("%s: %d bytes came after the end", name, len(rest))
			}
			buffers.put(buf)
		}
	})
}

type pieces struct {
	io.Reader
	n int
}

func (p *pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(p.n, len(b))]) }
