package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/internal/bundle"
)

// supportCmd writes what somebody who helps needs to know.
type supportCmd struct {
	remote
	Out string `help:"File to write; - writes to the output. Left out: zhanggui-support-TIME.tar.gz here." placeholder:"FILE"`
}

// Help says what is in it.
func (supportCmd) Help() string {
	return "The archive holds version, settings, counts, readiness, findings of the doctor, open alerts, metrics, a summary of the audit log and what the process does. " +
		"It never holds a token, key, secret, address of a channel, openid, name or body of a request, and no option puts one in. Look at it before you send it: its first file, manifest.json, lists what is in it.\n\n" +
		"Examples:\n  zhanggui support-bundle\n  zhanggui support-bundle --out bundle.tar.gz"
}

// Run implements the command.
func (s supportCmd) Run(ctx context.Context, c console) error {
	resp, err := s.send(ctx, http.MethodPost, "/v1/support-bundle", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("read the server's answer: %w; try it again", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return problemOf(resp, b)
	}
	if s.Out == "-" {
		_, err := c.out.Write(b)
		return err
	}
	m, err := manifestOf(b)
	if err != nil {
		return err
	}
	if s.Out == "" {
		s.Out = "zhanggui-support-" + m.Made.Format("20060102T150405Z") + ".tar.gz"
	}
	if err := writeNew(s.Out, b); err != nil {
		return err
	}
	if s.JSON {
		return c.printJSON(struct {
			File string `json:"file"`
			bundle.Manifest
		}{s.Out, m})
	}
	var rows [][]string
	for _, f := range m.Files {
		rows = append(rows, []string{f.Name, strconv.Itoa(f.Bytes), f.Why})
	}
	if err := c.table("FILE BYTES WHY", rows); err != nil {
		return err
	}
	for name, why := range m.Missing {
		fmt.Fprintf(c.out, "%s is not in it: %s\n", name, why)
	}
	fmt.Fprintf(c.out, "\nwritten to %s\n%s\n", s.Out, m.Never)
	return nil
}

// writeNew writes a file that is not there, for its owner alone.
func writeNew(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; name another file with --out", path)
	}
	if err != nil {
		return fmt.Errorf("%w; name another file with --out", err)
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// manifestOf reads the list of what is in a bundle.
func manifestOf(b []byte) (m bundle.Manifest, err error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return m, fmt.Errorf("the server's answer is no archive: %w; look whether a proxy stands between", err)
	}
	r := tar.NewReader(z)
	h, err := r.Next()
	if err != nil || !strings.HasSuffix(h.Name, "/"+bundle.ManifestFile) {
		return m, fmt.Errorf("the server's archive does not begin with %s; bring server and program to the same version", bundle.ManifestFile)
	}
	if err := json.NewDecoder(r).Decode(&m); err != nil {
		return m, fmt.Errorf("read %s: %w", bundle.ManifestFile, err)
	}
	m.Made = m.Made.Truncate(time.Second)
	return m, nil
}
