package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/zhanggui/zhanggui/internal/app"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// maxUpload bounds a body that is read from a file.
const maxUpload = 64 << 20

// prepared is a call that is ready to be sent, or shown.
type prepared struct {
	method, target, kind string
	body                 []byte
	file, field          string // of an upload
}

// prepare reads what is sent.
func (cc callCmd) prepare(c console, path string, e *catalogue.Endpoint) (prepared, error) {
	query, err := queryOf(cc.Query)
	if err != nil {
		return prepared{}, err
	}
	r := prepared{method: cc.Method, target: "/wx/" + url.PathEscape(cc.Shop) + path}
	if query != "" {
		r.target += "?" + query
	}
	switch {
	case cc.Body != "" && cc.File != "":
		return prepared{}, &usageError{"-d and -F exclude each other"}
	case cc.File != "":
		err = r.upload(c, cc.File)
	case cc.Body != "":
		r.kind = "application/json"
		r.body, err = bodyOf(c, cc.Body)
	}
	if err != nil {
		return prepared{}, err
	}
	r.settle(e)
	return r, nil
}

// settle finds the method where none was given. A POST without a body sends an empty
// object: WeChat refuses an empty body.
func (r *prepared) settle(e *catalogue.Endpoint) {
	if r.method == "" {
		r.method = http.MethodGet
		if e != nil && e.Method != "" {
			r.method = e.Method
		}
		if r.body != nil {
			r.method = http.MethodPost
		}
	}
	if r.method == http.MethodPost && r.body == nil {
		r.kind, r.body = "application/json", []byte("{}")
	}
}

// bodyOf reads JSON from an argument, a file or the standard input.
func bodyOf(c console, text string) ([]byte, error) {
	b := []byte(text)
	if name, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if b, err = content(c, name); err != nil {
			return nil, err
		}
	}
	if !json.Valid(b) {
		return nil, &usageError{"the body given with -d is not JSON"}
	}
	return b, nil
}

// content reads a file, or the standard input for "-".
func content(c console, name string) ([]byte, error) {
	in := c.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxUpload+1))
	if err == nil && len(b) > maxUpload {
		err = fmt.Errorf("%s is longer than %d MiB; send it with curl, see --dry-run", name, maxUpload>>20)
	}
	return b, err
}

// upload makes a form with one file.
func (r *prepared) upload(c console, arg string) error {
	field, name, ok := strings.Cut(arg, "=@")
	if !ok {
		field, name = "media", strings.TrimPrefix(arg, "@")
	}
	b, err := content(c, name)
	if err != nil {
		return err
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile(field, filepath.Base(name))
	if err == nil {
		_, err = part.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	r.kind, r.body, r.file, r.field = w.FormDataContentType(), form.Bytes(), name, field
	return err
}

// curl writes the call for a shell. The key is named, never written.
func (r prepared) curl(to remote) string {
	words := []string{"curl"}
	base := strings.TrimRight(to.URL, "/")
	if base == "" {
		words = append(words, "--unix-socket", quote(filepath.Join(to.Data, app.SocketFile)))
		base = app.SocketURL
	} else {
		words = append(words, "-H", `"Authorization: Bearer $ZHANGGUI_KEY"`)
	}
	switch {
	case r.file != "":
		words = append(words, "-F", quote(r.field+"=@"+r.file))
	case r.body != nil:
		words = append(words, "-H", quote("Content-Type: "+r.kind), "-d", quote(string(r.body)))
	}
	if r.method == http.MethodGet && r.body != nil {
		words = append(words, "-X", "GET")
	}
	return strings.Join(append(words, quote(base+r.target)), " ")
}

// quote makes one word of a shell's of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
