// Package doctor says why something does not work: what is wrong, how that is
// known, and what to do next, in English and Chinese.
//
// It has two questions to answer. [Doctor.Examine] runs checks over the server, its
// apps and its shops; each check looks at one thing and gives a [Finding]. [Doctor.Explain]
// takes whatever somebody has at hand, an errcode, an errmsg, a whole answer of
// WeChat's, a URL or a rid, and gives findings about that.
//
// Checks change nothing, at WeChat or here. Each is cut off after [CheckTimeout], all
// together after [ExamineTimeout]; what was not found out by then is [Unknown], which
// is neither well nor ill. A report says how often WeChat was asked, and what it said is
// told again for [Remember] rather than asked again, so that a page that somebody
// reloads costs a shop nothing of its quota.
//
// A finding holds no secret. What people paste is masked before anything is looked up,
// and what WeChat echoes of a call (rid/get answers with the call's token) is reduced to
// a few facts before it leaves the function that read it.
package doctor
