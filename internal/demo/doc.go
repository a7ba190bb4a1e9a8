// Package demo plays the whole story on loopback: an emulated WeChat, the real
// server, one shop, and people who agree, refuse and come back. Nothing in it
// is faked on the server's side: the server is the one that `zhanggui serve`
// runs, told only other base URLs and a clock that can be moved.
//
// [Once] walks the story by itself and stops at the first step that fails. Each
// step proves what it says from the outside: from answers, from the emulator's
// ledger, from the bytes of the database file. [Serve] leaves the stage to a
// person with a browser.
package demo
