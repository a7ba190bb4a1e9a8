// Package session holds the live sessions in memory: who a token is of, and what
// they may, without a question to the store for each request.
//
// # What is where
//
// The store decides. Here is only what was read of it, until somebody says that it
// changed, and for an hour at most:
//
//	token hash ──► entry ──► group: one person, administrator or shop
//	                 │         └─ the person with roles, shared by all entries
//	                 └─ parent: the login that a session of a protected host hangs on
//
// A group is forgotten as a whole, so a session is never known without the one that
// it hangs on. A session whose parent is over is over, whatever its own row says: a
// server of an older version may have ended the parent.
//
// # Who says that something changed
//
// Whatever ends a session or changes a role names its person in the audit log, in the
// transaction of the change ([audit.Entry.People]). This process's own changes are
// told after their commit, before whoever asked for them has an answer; those of
// others come with the feed of the log, within a second. Both end in [Live.Forget].
// What was being read at that moment is used once and not kept.
//
// Times need no word: roles that end at a date, and sessions that expire, are looked
// at with each request.
//
// # When things fail
//
// Not to know is never "logged out": an error that does not say
// [access.ErrNotFound] means that nobody could be asked. Where servers share a
// database and it is away, those who were in stay in for [Grace], because an end that
// was written meanwhile is not heard of; then nobody is let in until it answers. A
// feed that is late by more than two seconds is not trusted, and each session is read
// again.
//
// # Uses
//
// The last use of a session is kept to the minute. Uses are written every few
// seconds, all in one transaction. A use of a session that hangs on another is one of
// that, too, and they are idle together. A use that is lost only shortens the idle
// time.
//
// # Tokens that change
//
// A session gets another token after a change of roles and about once a day, when a
// page of ours is opened:
//
//	rotated ──► the browser uses the new one ──► a minute later the old one is theft
//	   └─ it never does: the answer was lost; the old one counts, and is replaced again
//
// A token that comes after its time was copied, by the one who uses it or from them.
// Nobody can tell which of the two it is, so the session ends with all that hangs on
// it, and a human is told. So it is when a browser says that it runs on quite another
// system than at the login.
package session
