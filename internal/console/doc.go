// Package console is the web pages of those who are logged in: an owner sees
// their shops with WeChat's own answers, an administrator sees who may do what
// and can stop it.
//
// Pages read; every button is a form that posts, needs the same origin, and
// ends in a redirect. A link or a code that is shown once is shown in the answer
// to the post that made it and nowhere else.
package console
