// Package storetest is what every store must do, whatever database is below it:
// [Run] is the conformance suite, [Check] the invariants that hold after every
// single step. A database passes when its own tests call Run with a function
// that opens an empty store.
package storetest
