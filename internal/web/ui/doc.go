// Package ui is how pages look and speak: the layout, a few components, the
// words in Chinese and English, and the style sheet. Pages work without any
// script, phone first, in light and dark.
//
// # Words
//
// Words live in JSON catalogues, active.zh-CN.json and active.en.json, found
// by [T] under a key such as "login.title". A feature keeps its own pair of
// files and hands them over in [Options]; [New] refuses catalogues whose two
// languages have different keys. The language of a page is the visitor's
// choice (?lang=, kept in the cookie zg_lang), else what the browser accepts,
// else Chinese.
//
// # Looks
//
// The style sheet is Pico (MIT, see assets/pico.LICENSE.md) inside a cascade
// layer, with our own small sheet above it. It is served under a path with its
// hash, so that it can be cached for ever.
package ui
