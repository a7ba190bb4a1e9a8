package shop_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechat"
	"github.com/zhanggui/zhanggui/wechat/shop"
)

// part is one part of an upload.
type part struct {
	Field string `json:"field"`
	File  string `json:"file"`
	Bytes string `json:"bytes"`
}

// parts reads an upload as a server would.
func parts(t *testing.T, kind string, body []byte) []part {
	t.Helper()
	_, params, err := mime.ParseMediaType(kind)
	if err != nil {
		t.Fatal(err)
	}
	var all []part
	for r := multipart.NewReader(bytes.NewReader(body), params["boundary"]); ; {
		p, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part{p.FormName(), p.FileName(), string(b)})
	}
}

// TestUploadsTellTheirLength: a known size is announced, byte for byte, and more
// than was promised is not sent.
func TestUploadsTellTheirLength(t *testing.T) {
	for _, size := range []int64{-1, 0, 3, 10} {
		var announced, came int64
		c := direct(t, func(r *http.Request) (*http.Response, error) {
			announced = r.ContentLength
			came, _ = io.Copy(io.Discard, r.Body)
			return answer(r, 200, "", `{"errcode":0,"data":{"file_id":12345}}`), nil
		})
		id, err := c.UploadQualification(t.Context(), shop.File{Name: "a.png", Body: strings.NewReader("0123456789"), Size: size})
		if err != nil || id != "12345" {
			t.Errorf("size %d: %s, %v", size, id, err)
		}
		if size >= 0 && announced != came || size < 0 && announced >= 0 {
			t.Errorf("size %d: %d announced, %d came", size, announced, came)
		}
	}
}

func TestAnUploadNeedsABody(t *testing.T) {
	_, err := answering(t, `{}`).UploadImage(t.Context(), shop.UseURL, shop.File{Name: "a.png"}, 1, 1)
	if err == nil || !strings.Contains(err.Error(), "give it a reader") {
		t.Error(err)
	}
}

// TestAFileThatCannotBeRead: the fault of the reader comes back, and no token
// with it.
func TestAFileThatCannotBeRead(t *testing.T) {
	fault := errors.New("disk on fire")
	c := direct(t, func(r *http.Request) (*http.Response, error) {
		_, err := io.Copy(io.Discard, r.Body)
		return nil, err
	})
	_, err := c.UploadImage(t.Context(), shop.UseMediaID, shop.File{Name: "a", Body: io.MultiReader(strings.NewReader("x"), bad{fault}), Size: 5}, 1, 1)
	if !errors.Is(err, fault) || strings.Contains(err.Error(), "bait") {
		t.Error(err)
	}
}

type bad struct{ error }

func (b bad) Read([]byte) (int, error) { return 0, b.error }

func TestMediaStreams(t *testing.T) {
	c := direct(t, func(r *http.Request) (*http.Response, error) {
		if r.Method != http.MethodGet || r.URL.Query().Get("media_id") != "EN2S_n2+/=" {
			t.Errorf("%s %s", r.Method, r.URL.RawQuery)
		}
		return answer(r, 200, "image/jpeg", "\xff\xd8\xff bytes"), nil
	})
	body, header, err := c.Media(t.Context(), "EN2S_n2+/=")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if b, err := io.ReadAll(body); string(b) != "\xff\xd8\xff bytes" || header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("%q, %v, %v", b, header, err)
	}
}

// TestMediaSeesAnErrcode: a picture that is JSON is none.
func TestMediaSeesAnErrcode(t *testing.T) {
	_, _, err := answering(t, `{"errcode":40007,"errmsg":"invalid media_id rid: 1a1a1a1a-2b2b2b2b-3c3c3c3c"}`).Media(t.Context(), "m")
	if e, ok := errors.AsType[*wechat.Error](err); !ok || e.Code != 40007 || e.RID == "" {
		t.Error(err)
	}
}
