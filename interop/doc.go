// Package interop holds tests only. It lets implementations meet that were
// written apart: the wire client (package wechat), the emulator (package
// wechatsim), and a client by others for Node.js.
//
// The samples in wechat/testdata/vectors say what travels. The client's own
// tests hold the client to them; the tests here hold the emulator to the same
// files, and then let the two talk. Where they disagree, the pages of
// developers.weixin.qq.com decide; a test states what is right, never what one
// of them happens to do.
//
// Pushes meet the same client: what it seals we open, what we seal it opens, and
// its whole server takes a push of ours.
//
// WeChat's pages contradict each other in places. The emulator has a named
// switch for each such fact, so everything that a switch can turn is tried with
// both sets: wechatsim.StrictSwitches and wechatsim.LenientSwitches.
package interop
