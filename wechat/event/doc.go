// Package event decodes the events that WeChat pushes, after they were
// decrypted. JSON and XML of one event become the same [Event].
//
// A shop's own pushes are JSON; those of a platform, also for its shops, are
// XML, in which everything is text. So that a reader need not know which way an
// event came, [Decode] follows one rule, without a table of events:
//
//   - Every scalar of the body is a string, written as it came. That also
//     keeps ids beyond 2^53 whole. Strings that hold JSON (audit_info) stay
//     strings.
//   - Elements of one name beside each other are a list. A name that ends in
//     _list, or is in a short table of lists that the pages of
//     developers.weixin.qq.com/doc/store show, is a list also when it comes once.
//   - What XML cannot tell apart is the same: null, an empty object and an
//     empty string are "", an empty list is left out.
//   - Blanks around a name are dropped: pages show " OpenID".
//
// The envelope (who, to whom, when, which event) leaves the body and is typed.
// So do credentials: a ticket or an authorisation code is never in
// [Event.Body], so the body may be stored and passed on. [Event.Ticket] and
// [Event.Authorization] hand them out.
//
// # What is refused
//
// What is not one well-formed object: duplicate names in JSON, unknown
// entities and any DOCTYPE in XML, bytes that are not UTF-8, too much of
// anything ([MaxBytes], [MaxDepth], [MaxElements]). Attributes, namespaces,
// comments and text between elements are passed over. The samples of
// authorisation events on the pages end in <xml> instead of </xml>; that is a
// slip of the pages and is refused like any other unclosed element. Events with
// unknown names are not refused: WeChat adds some every month.
package event
