// Package gateway (网关) lets a program use a shop without ever holding its
// token. A program calls /wx/{shop}/{path} with a client key of its own; the
// gateway asks whether it may, puts the shop's access token into the query and
// passes the call to WeChat. Both bodies are streams. The answer comes back as
// WeChat sent it.
//
// # Who decides what, in this order
//
//	key      access.Client by its hash; none, unknown, ended: one 401 for all
//	method   GET and POST are all that WeChat knows
//	target   a path of plain segments, a query that reads one way only
//	address  is it one of those that were named for the client?
//	shop     held by the client? not held and not there look the same
//	path     closed paths show secrets or hurt everybody: for nobody
//	group    was the client granted the path's group, or the path by name? Money and
//	         personal data go by name only, with a number of calls a day
//	mode     a read key reads; the catalogue says what reads, and of paths that it does
//	         not know the name says it
//	rate     how fast may the client call this server?
//	upgrade  none
//	body     announced size
//	sets     did the shop grant the platform a permission set (权限集) for the path?
//	quota    is there enough of WeChat's daily quota, or do others go first?
//	token    the keeper's; why there is none is told with the next step
//	cap      the calls of the day, counted by the store before anything is sent
//
// Only then is anything sent. The host comes from configuration and from
// nothing in the request. Redirects are passed back, never followed.
//
// # Two ways in
//
// A program whose SDK can change only the host calls WeChat's own paths ([Rooted])
// with an alias as access_token: package alias. The alias names the hash of the key
// and the shop; everything after that is decided as above. Errors have WeChat's shape
// then, with HTTP 200, since SDKs look at errcode alone. Only where WeChat may have
// carried out the call the status says so: an SDK repeats what it takes for "busy".
//
// # Repeats
//
// WeChat says in the first bytes of an answer that a token is dead (40001,
// 40014, 42001). That call was not carried out, so it is repeated once with the
// next token, if its body was kept: bodies of a known length up to [KeptBody]
// are. That is done once in a call.
//
// It also says when a call was not taken and may come later. A call over the limit of
// a second (44990) or a minute (45011) is held and repeated. So is one that found
// WeChat busy (-1), if the catalogue says that it only reads: after 1 s, 2 s and 4 s. All repeats after a
// pause are three at most, and all their pauses together are no longer than the
// caller's patience: its deadline, what the header X-Zhanggui-Wait says, or
// [Config].Wait. WeChat's last answer passes.
//
// Nothing else is repeated. A call whose outcome
// is unknown is never repeated if it may write. Nor does net/http repeat it: it would
// send a GET again when a kept connection breaks before the answer, and a GET may
// write, so it gets what it needs for that only where the catalogue says that it reads. A
// host that could not be connected to was sent nothing, so the next configured
// host is tried.
//
// A path that calls a token dead that was minted a moment ago wants another kind of
// token. Its word is not passed to the keeper for a day: forced refreshes are few a
// day, and one client must not use them up. Its answers pass as they are, on the
// first attempt, unless the keeper has a newer token by then.
//
// # What is held in memory
//
// A kept request body, and a buffer of 32 KiB that an answer passes through, each
// piece as it comes, its first kilobyte looked at. A compressed answer is looked into, and still passed on byte for byte. Up to
// 1024 paths that refuse good tokens. At most 1024 calls are held for a repeat at the
// same time; others get WeChat's answer at once.
//
// # What is left out of an answer
//
// Headers that would speak for our host or tell browsers what pages of it may do,
// those that are for one connection (also by WeChat's own word in Connection), the
// token wherever a header repeats it, percent-encoded or in base64 too, the note in a
// redirect, all trailers, and all informational answers (103 and its like), since
// nobody has looked at their headers. A 100 is answered where the caller waits for it
// with Expect.
//
// A connection never changes to another protocol: a call that asks for one is
// refused, except for the usual offer of HTTP/2, which is left unheard, and a 101
// from WeChat is a failed call.
//
// # When things fail
//
// Refusals and failures are problem documents of package web. They say whether
// WeChat may have carried out the call. An answer that breaks off after it began
// is broken off towards the caller too, so that nobody takes it for whole. A caller
// may take as long as they like, but may not stand still for longer than
// [Config].CallerTimeout, in sending and in taking.
// Clients and routes are read again every second at the latest; when the
// store cannot be read, the last ones known are used for a bounded time.
package gateway
