// Package browser walks the demo's story in a real browser: Chromium, headless,
// with the phone and the PC as separate profiles. It holds tests only.
//
// Every page that the story comes by is looked at: its language, its one
// heading, labels of its fields, its width on a phone and on a PC, the
// browser's own log, the hosts it asked. Scripts are switched off in all
// profiles, so that a page which needs one fails.
//
// Pictures of all pages go to the directory that ZHANGGUI_SCREENSHOTS names, or
// with go test -artifacts among the test's artifacts; else none are taken.
package browser
