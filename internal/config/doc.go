// Package config reads what the operator wrote: the server's settings
// ([Config]) and the wished-for apps, tenants, shops, clients and members
// ([Manifest]).
//
// Settings come from four places, later ones winning: built-in defaults, one
// YAML file, the environment (ZHANGGUI_…), and command-line flags. The YAML is
// strict: an unknown or repeated key is a problem, not a shrug. All problems
// are told at once, as [Problems], each with the place it stands at and what to
// do about it; a problem never repeats the value, since it could be a secret
// in the wrong place.
//
// Secrets are written as references, "file:/path" or "env:NAME". A literal
// secret is accepted only under the loopback rule, for the sandbox and for
// examples. Nothing in this package prints a secret.
//
// # The loopback rule
//
// WeChat wants exact hosts, https and no port. With loopback on, http and a
// port are allowed for localhost, 127.0.0.1 and names under .localhost, and for
// nothing else. It is on by itself when public_url names such a host.
package config
