// Package radar warns the programs that a change of WeChat's APIs concerns, and
// only those.
//
// # What is counted
//
// [Counter] counts each call that was sent to WeChat by client, shop, path and day,
// in memory; [Radar] writes the counts every fifteen seconds. A server that is
// killed loses at most the calls since then, one that stops in good order none. A
// path that the catalogue does not know counts as one of the rest, so that the rows
// are bounded by what is documented, not by what callers think of. What happens
// around midnight in China may count for the day after.
//
// # What is announced
//
// WeChat pushes an event api_diff to each account, see
// developers.weixin.qq.com/doc/store/shop/notify/common_callback/API_change_log_callback;
// accounts of talents and of league agencies get the same. Many accounts get the same
// changes, so each change is known by what it says and taken in once:
//
//	WeChat ── api_diff ──► push (an event like any other) ──► Radar ──► api_changes
//	                                                            │  ├──► one notice: paths and clients
//	                                        path_uses of 30 days┘  └──► an event api.changed to each client
//
// The events are the queue: the place up to which they are taken in moves in the
// transaction that writes what follows, whichever replica does it. So nothing is
// warned of twice, and nothing is lost by a crash.
//
// # What can go wrong
//
// An event that cannot be read is passed over with a line in the log; it would not
// become readable. One that names more than a thousand changes is cut, those that the
// catalogue knows first. Texts are cut and cleaned. While the store does not answer,
// counts stay in memory and events in the store.
//
// A program that has the right to fetch the token itself calls WeChat past this
// server; nobody counts those calls, so it is warned of nothing but the paths it calls
// here.
package radar
