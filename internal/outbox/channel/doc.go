// Package channel writes messages for people and hands them to where they look:
// the robots of chat tools, mail, Alertmanager. Each kind of place has a file of
// its own, which says on which page its interface is documented.
//
//	notice.Message ──► card (words, in one or two languages) ──► text of the place ──► sent once
//
// # Text of strangers
//
// Names of shops and people, and whatever WeChat answered, may hold anything:
// markup, mentions of everybody, characters that turn the direction of writing.
// They go out as text. Control and direction characters are dropped everywhere;
// where a place documents how a character is escaped it is escaped so; where none
// is documented, what could become markup is written with its full-width twin,
// which reads the same and means nothing. Only words of our own are markup.
//
// # What holds
//
//   - One attempt for each call. When it is tried again is the outbox's business.
//   - A place's rate is kept: [Robot.Wait] says how long, so that messages wait in
//     the outbox and no attempt is lost to a limit.
//   - A message is never longer than a place takes: facts are left out from the end,
//     and it says so.
//   - Places answer 200 with an error's number inside. The number is read; the rest
//     of an answer is neither shown nor kept.
//   - Addresses and secrets are [secret.Value]: a robot's address holds its key.
package channel
