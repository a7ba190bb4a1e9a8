// Package secret holds bytes that must not be printed: app secrets, tokens,
// authorisation codes, keys.
//
// A [Value] answers every verb of package fmt, every slog handler and every
// text encoder with the word in [Redacted]. Methods alone cannot do that. Package
// fmt never calls methods of an unexported field, and a verb that does not
// fit the type makes it print the bare memory, even through a pointer. So
// the bytes live where reflection cannot follow: inside a closure. What is
// left to print is the address of a function.
//
// The only ways to the bytes are [Value.Reveal] and [Value.RevealString].
// Searching for these two names shows every place where a secret leaves its
// box.
//
// The package also removes secrets from errors: see [Scrub]. The classic
// leak is *url.Error, which prints the whole URL, and WeChat's URLs carry
// secrets, codes and tokens in the query.
//
// What it does not promise: the bytes stay in ordinary memory until the
// garbage collector reuses it, so a core dump contains them.
package secret
