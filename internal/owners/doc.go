// Package owners tells the owners of shops what only they can mend: in WeChat, where
// they are, with the link that mends it.
//
// # Who decides what
//
// The alert engine decides which facts owners are told of, and after how long; see
// package alert. The store decides who is told: every owner of the shop or its tenant
// whom an app that writes to owners knows, who did not turn letters off, and who had
// none of that kind for a day. It counts the shops of each owner by itself, so that a
// letter never speaks of another's. This package words the letter and sends it.
//
// # What holds
//
//   - One letter for each owner and kind of fact a day, however many shops it is about
//     and however many servers there are.
//   - A letter is claimed before it is sent. A server that dies between loses that
//     letter and sends none twice. WeChat gives nothing back by which to tell.
//   - What is well again before its time is told nobody.
//   - Openids stay in the rows that are deleted with the person: records and the audit
//     log name our ids.
//   - The link holds no secret. It leads to a login, and what it opens changes nothing
//     by itself.
package owners
