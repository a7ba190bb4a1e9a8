// Package push takes what WeChat pushes to us: tickets, authorisations and events.
//
//	POST ─► app and keys ─► body ─► open ─► fresh? ─► decode ─► right URL? ─► decide ─► record ─► success
//	        (memory)        (1 MiB) (msgcrypt)        (event)                 (Effects)  (durable)
//
// Two URLs belong to an app: /wechat/push/{app}/auth takes what a third-party
// platform is told about itself and about who authorises it, and
// /wechat/push/{app}/event/{appid} takes events of one account. {app} is our id;
// {appid} is WeChat's, which a platform's console fills in for $APPID$. GET on
// either answers the check that WeChat makes when the URL is saved.
//
// # Who decides what
//
// A push changes nothing by itself. A [Decide] turns it into effects: the
// platform's for authorisation events, the login's for events about people. What
// comes on the event URL of a shop, or of a platform, becomes an event for the
// clients of that shop, here. The store writes the effects and the fact that the
// push was seen in one transaction. WeChat is never called on the way.
//
// # Outcomes
//
//	taken     recorded; with the reason "nothing" if it changed nothing: an unknown
//	          shop, an event that nobody waits for
//	seen      recorded before, or sent twice at once: nothing was done
//	refused   not from WeChat, not for us, or not fit to be read; nothing was done
//	failed    not recorded, or not known to be: WeChat sends it again
//
// The first two are answered with the word success, and only after the commit.
// WeChat's repetitions are told by the SHA-256 of the decrypted bytes: its random
// part and its timestamp differ from try to try, the message does not.
//
// # In time
//
// WeChat waits 3 seconds for some events and 5 for others, and repeats shop events
// for about 3.6 hours. Everything from the first byte of the body to the commit
// has one budget below 3 seconds. What is not durable by then is answered with
// 503, although the commit may still land: then the repetition is found seen.
//
// Pushes that arrive at about the same time share one transaction; the busier the
// store is, the more. One that loses to another writer is decided again.
//
// # Where it can break
//
//	app, keys  no database, no key of the vault: 503. What was read serves for 15
//	           seconds, or until Forget
//	body       too large or too slow: cut off, refused
//	decide     cannot read what it needs: 503. Another writer was first: again
//	record     nothing is durable: 503. Failed but landed: 503, then seen
//	answer     lost: WeChat sends it again, then seen
//	crash      before the commit as if it had never come, after it seen
//
// # Another system
//
// While a platform moves from another system to this one, either may be the one that
// WeChat pushes to. A push that was taken here for the first time goes to a [Passer],
// as it came. And one that another system hands on to us, with its query and its
// bytes unchanged, is like one from WeChat: what counts is its signature, not its
// sender, and it may be as old as WeChat's last repetition, 4 hours.
//
// # What is not protected
//
// {appid} is part of the URL and not of what is signed, so somebody who can read
// WeChat's connections to us could send a push of one shop to the URL of another
// of the same platform. They would have to be first: the platform takes each
// message once.
package push
