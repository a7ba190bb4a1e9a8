package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// robot NAME: start a chat tool's robots and put their address into the variable NAME.
// Below /take/ a message is taken and goes to the file "taken"; below /refuse/ it is
// answered as by a robot that takes another signature, with HTTP 200.
func robot(ts *testscript.TestScript, neg bool, args []string) {
	file := ts.MkAbs("taken")
	mux := http.NewServeMux()
	mux.HandleFunc("POST /take/{key}", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.WriteFile(file, b, 0o600)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	})
	mux.HandleFunc("POST /refuse/{key}", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"errcode":310000,"errmsg":"sign not match"}`)
	})
	s := httptest.NewServer(mux)
	ts.Defer(s.Close)
	ts.Setenv(args[0], s.URL)
}
