package wechatsim_test

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/zhanggui/zhanggui/wechatsim"
)

// form is a multipart body with one file.
func form(t testing.TB, field string, data []byte) (contentType, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreateFormFile(field, "picture.png")
	if err == nil {
		_, err = part.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.String()
}

// sendFile posts a file with the shop's token and more of a query.
func (g *rig) sendFile(path, query, field string, data []byte) reply {
	g.t.Helper()
	contentType, body := form(g.t, field, data)
	r := httptest.NewRequest(http.MethodPost, path+"?access_token="+g.stable(false).str("access_token")+query, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w, _ := g.do(r)
	return decode(g.t, w.Body.Bytes())
}

var png = []byte("\x89PNG\r\n\x1a\n and the rest of a picture")

func TestImageUpload(t *testing.T) {
	for _, path := range []string{"/shop/ec/basics/img/upload", "/channels/ec/basics/img/upload"} {
		g := newRig(t)
		got := g.sendFile(path, "&upload_type=0&resp_type=1&height=10&width=10", "media", png)
		url := got.obj("pic_file").str("img_url")
		if !strings.HasPrefix(url, "https://mmecimage.cn/p/"+shopID+"/") || got.obj("pic_file")["media_id"] != nil {
			t.Errorf("%s: %v", path, got)
		}
		body := strings.ReplaceAll(product(""), "https://mmecimage.cn/p/a/1", url)
		g.wantCode(g.shop("product/add", body), "0")

		token := g.stable(false).str("access_token")
		got = g.post(path+"?upload_type=1&resp_type=0&access_token="+token, `{"img_url":"https://example.com/a.png"}`)
		id := got.obj("pic_file").str("media_id")
		if id == "" || got.obj("pic_file").str("pay_media_id") == "" {
			t.Errorf("%s by URL: %v", path, got)
		}
		w := g.request(http.MethodGet, "/channels/ec/basics/media/get?access_token="+token+"&media_id="+id, "")
		if w.Header().Get("Content-Type") != "image/gif" || !strings.HasPrefix(w.Body.String(), "GIF89a") {
			t.Errorf("media/get: %q %.20q", w.Header().Get("Content-Type"), w.Body)
		}
	}
}

func TestMediaGetReturnsTheFile(t *testing.T) {
	g := newRig(t)
	id := g.sendFile("/shop/ec/basics/img/upload", "&height=1&width=1", "media", png).obj("pic_file").str("media_id")
	target := "/channels/ec/basics/media/get?access_token=" + g.stable(false).str("access_token") + "&media_id="
	w := g.request(http.MethodGet, target+id, "")
	if w.Header().Get("Content-Type") != "image/png" || !bytes.Equal(w.Body.Bytes(), png) {
		t.Errorf("%q %q", w.Header().Get("Content-Type"), w.Body)
	}
	bad := g.request(http.MethodGet, target+"none", "")
	if bad.Code != http.StatusOK {
		t.Errorf("HTTP %d, want an error in JSON with 200", bad.Code)
	}
	g.wantCode(decode(t, bad.Body.Bytes()), "40007")
}

func TestUploadRefusals(t *testing.T) {
	g := newRig(t)
	const path, size = "/shop/ec/basics/img/upload", "&height=1&width=1"
	g.wantCode(g.sendFile(path, "", "media", png), "10020055") // no size
	g.wantCode(g.sendFile(path, size, "file", png), "10020059")
	g.wantCode(g.sendFile(path, size, "media", nil), "10020059")
	g.wantCode(g.sendFile(path, size+"&upload_type=2", "media", png), "10020055")
	g.wantCode(g.sendFile(path, size+"&resp_type=2", "media", png), "10020055")
	g.wantCode(g.sendFile(path, size, "media", make([]byte, 11<<20)), "45002")
	token := g.stable(false).str("access_token")
	g.wantCode(g.post(path+"?access_token="+token, "no form"), "47001")
	g.wantCode(g.post(path+"?upload_type=1&access_token="+token, ""), "44002")
	g.wantCode(g.post(path+"?upload_type=1&access_token="+token, `{"img_url":"ftp://a/b"}`), "10020055")
	g.wantCode(g.get(path, "access_token", token), "43002")
	g.wantCode(g.post(path, "{}"), "41001")
	r := httptest.NewRequest(http.MethodPost, path+"?access_token="+token+size, strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"media\"\r\n\r\nhalf"))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	w, _ := g.do(r)
	g.wantCode(decode(t, w.Body.Bytes()), "47001")
}

func TestLargeJSONBody(t *testing.T) {
	g := newRig(t)
	g.wantCode(g.shop("product/list/get", `{"next_key":"`+strings.Repeat("x", 1<<20)+`"}`), "45002")
}

func TestQualificationUpload(t *testing.T) {
	bothSets(t, func(t *testing.T, sw wechatsim.Switches) {
		g := newRig(t, with(sw))
		got := g.sendFile("/shop/ec/basics/qualification/upload", "", "media", png)
		_, text := got["errcode"].(string)
		if text != sw.QualificationErrcodeAsString || got.code() != "0" || got.obj("data").str("file_id") == "" {
			t.Errorf("%v, errcode as string %t", got, sw.QualificationErrcodeAsString)
		}
		g.wantCode(g.sendFile("/shop/ec/basics/qualification/upload", "", "media", make([]byte, 2<<20+1)), "10020060")
	})
}

func TestVideoUpload(t *testing.T) {
	g := newRig(t)
	token := g.stable(false).str("access_token")
	call := func(name, body string) reply {
		t.Helper()
		return g.post("/shop/ec/basics/video/"+name+"?access_token="+token, body)
	}
	parts := [][]byte{bytes.Repeat([]byte("v"), 1<<20), []byte("the end")}
	size := len(parts[0]) + len(parts[1])
	key := call("initupload", fmt.Sprintf(`{"scene_type":162,"file_type":"mp4","file_size":%d}`, size)).obj("data").str("video_upload_key")
	play := func() reply {
		return g.get("/shop/ec/basics/video/getplayinfo", "access_token", token, "video_upload_key", key)
	}
	g.wantCode(play(), "10020055")
	var list []string
	for _, n := range []int{2, 1} { // in any order
		sum := sha1.Sum(parts[n-1])
		got := g.sendFile("/shop/ec/basics/video/uploadpart", fmt.Sprintf("&video_upload_key=%s&partnum=%d", key, n), "media", parts[n-1])
		if got.obj("data").str("part_sha") != hex.EncodeToString(sum[:]) {
			t.Errorf("part %d: %v", n, got)
		}
		list = append([]string{fmt.Sprintf(`{"partnum":%d,"part_sha":%q}`, n, got.obj("data").str("part_sha"))}, list...)
	}
	finish := func(parts ...string) reply {
		return call("finishupload", fmt.Sprintf(`{"video_upload_key":%q,"finish_parts":[%s]}`, key, strings.Join(parts, ",")))
	}
	g.wantCode(finish(), "10020055")
	g.wantCode(finish(list[1], list[0]), "10020055")
	g.wantCode(finish(list[0]), "10020342")
	g.wantCode(finish(list...), "0")
	if !strings.HasPrefix(play().obj("data").str("url"), "https://") {
		t.Errorf("no URL: %v", play())
	}
	g.wantCode(call("initupload", `{"scene_type":173,"file_type":"mp4","file_size":30000000}`), "10020055")
	g.wantCode(g.sendFile("/shop/ec/basics/video/uploadpart", "&video_upload_key=none&partnum=1", "media", png), "10020055")
}

func TestAddressCode(t *testing.T) {
	g := newRig(t)
	got := g.shop("basics/addresscode/get", `{"addr_code":440000000}`)
	if got.obj("addrs_msg").str("name") != "广东省" || len(got.list("next_level_addrs")) != 2 {
		t.Errorf("%v", got)
	}
	g.wantCode(g.shop("basics/addresscode/get", "{}"), "0")
	g.wantCode(g.shop("basics/addresscode/get", `{"addr_code":5}`), "10020051")
}
