// Package speed measures what a call through the gateway costs, side by side with
// a bare httputil.ReverseProxy over the same transport. It has no code of its own:
// everything is in its tests.
//
//	go test -run '^$' -bench . ./internal/speed
//
// Three processes take part. The benchmark's own plays WeChat and the callers, in
// plain bytes over sockets, so that little of the machine is theirs. The other two
// are the bare proxy and the whole server with metrics and access log on. Their CPU
// time is the operating system's count for the process, so it is nobody else's.
//
// What asking GET /auth costs is measured in the same way against a handler that only
// verifies an HMAC in a cookie, the cheapest thing that tells people apart.
//
// Short rounds alternate between the three ways (straight, bare proxy, server).
// What is reported is the median of the rounds' ratios: a busy machine slows the
// neighbours of a round as much as the round.
package speed
