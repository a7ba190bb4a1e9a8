// Package stranger finds out whether somebody else refreshes a shop's token: another
// program with the same AppSecret, whose forced refreshes end the token that everybody
// here works with.
//
// # What is seen
//
// The keeper tells of each kept token that died although it should live
// ([grant.Death]), with what the same attempt learned anyway. Nothing is asked of
// WeChat in the way of a caller. WeChat's facts that count here:
//
//   - /cgi-bin/stable_token without force names the same token to whoever asks, until
//     its last five minutes; with force it makes another one and ends the first at once
//     (developers.weixin.qq.com/doc/channels/api/basic/api_getstableaccesstoken).
//   - /cgi-bin/token is apart from that: programs that use it do no harm to us.
//   - A new token lives 7200 seconds, so what is left of it says when it was made.
//
// # What is proven, and what is a guess
//
// [Judge] is a table. Proven is only what no request of ours explains:
//
//	since the last lease was settled until this one began nobody here asked,
//	and the token that WeChat names now was made between the two,
//	not in the minutes in which WeChat replaces one by itself,
//	no forced refresh in our ledger is near that time,
//	the clock was steady and right all the while,
//	and this process saw that new tokens live 7200 seconds.
//
// Then somebody else had WeChat make a token. That it is another program with the
// AppSecret, and that it forced, is a guess, and is called one. When one of the
// conditions is not known, the whole is a guess. What WeChat did by itself leaves the
// trace that the token was made by our own request, or that WeChat names none: that
// accuses nobody.
//
// WeChat's own count of today's requests (/cgi-bin/openapi/quota/get) is compared with
// ours, once per grant and hour at most. WeChat states no precision, and the count of a
// token path was seen to stay at zero; so more than ours is a hint and less is nothing.
//
// # Who is told
//
// One condition per grant: a human is told once, by a notice token.stranger, when
// something is proven or two guesses came within a day, and once when a day passed
// without any (alert.over). Deaths are counted, not told one by one. What is known is a
// row, so that a restart forgets nothing but a death of the last moment.
package stranger
