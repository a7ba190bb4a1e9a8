// Package passon hands what WeChat pushed here on to another system, byte for
// byte: a third-party platform has one address for its pushes, and while it moves
// from one system to the other both want to hear. The other system checks the
// signature and opens the message with its own copy of the keys.
//
// # What is promised, and what is not
//
// A push is handed on after it was recorded here and WeChat has its answer; nothing
// here waits for the other system. It is tried four times in 36 seconds, and dropped
// then, or when too many wait: the other system finds what it missed on WeChat's
// list, as after any outage. What waits lives in memory, so a crash loses it. The
// order is not kept, as WeChat does not keep it.
//
// A push that was here before is not handed on again, so that two systems that pass
// on to each other do not do it for ever.
//
// Addresses are the operator's choice; the way to them is package egress's business.
package passon
