// Package quota keeps the books of what WeChat lets a shop call in a day. WeChat
// gives each shop a number of calls a day for each path, and answers 45009 when
// they are used up; see
// developers.weixin.qq.com/doc/channels/api/basic/api_getapiquota. A [Book] has a
// ledger for each shop and path. It knows how many calls are left, tells when a
// ledger runs dry, and decides who gives way before it does. It only computes: it
// asks nobody, and the time is a parameter.
//
// # What it knows
//
// Our own calls, from [Book.Before] and [Book.After]. WeChat's numbers, from
// answers of openapi/quota/get, which somebody else fetches: [Book.Due] says for
// which ledger, [Book.Answered] takes the numbers. WeChat's words: 45009 empties a
// ledger, 45011 and 44990 slow it down for a moment. Days are China's.
//
// What is left is what WeChat said, minus all calls since it was asked and those
// that were under way then. So it is never too much, as long as nobody else calls.
// Other servers and other programs show with the next answer. A ledger that WeChat
// said nothing of yet holds nobody up.
//
// # Who gives way
//
// The calls of the last hour, going on until midnight, are what will be wanted. While
// that and a quarter more is less than what is left, everybody goes. Otherwise:
//
//	normal clients  share what is left by max-min fairness: who wants little gets
//	                it and a quarter more, what remains is divided evenly, with what
//	                each used today counted in
//	low clients     share what normal clients do not want, spread over the day
//
// The last calls go to who used the least. An empty ledger holds everybody up until
// midnight; when WeChat was not heard for ten minutes, one call a minute of a normal
// client goes out to see. While WeChat slows a path down, low clients and reads
// wait; writes go last.
//
// # Bounds
//
// 8192 ledgers, the least recently used ones are forgotten first, with 32 clients
// each; further ones share one place. WeChat is to be asked for busy ledgers only,
// once in a minute for a shop, and once in a quarter of an hour for a ledger that
// lasts the day.
package quota
