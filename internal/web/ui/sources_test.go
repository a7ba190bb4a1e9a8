package ui

import "embed"

// sources are this package's own files, so that tests can hold the words in
// use against the catalogues.
//
//go:embed *.templ *.go
var sources embed.FS
