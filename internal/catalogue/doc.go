// Package catalogue lists the documented paths of WeChat's shop APIs and what
// each of them is: which group it belongs to, whether it reads or writes, which
// permission sets (权限集) a third-party platform needs for it, whether it may be
// repeated, whether it moves money or carries personal data, and where it is
// documented. Policy, metric labels and documentation are made from it.
//
// # Where it comes from
//
// The embedded file endpoints.tsv was made from the index at
// developers.weixin.qq.com/doc/store/shop/API/ and the pages it names. Reading
// and writing were judged one by one: a path reads if a shop, its buyers and its
// people cannot notice that it was called. Links and pictures that anybody may
// have count as read although a new one is made.
//
// # By name only
//
// Paths that move money out, set the price of somebody's order, or show bank
// accounts and the plain data of buyers belong to no group. They are granted by
// name. A read that shows masked data, and a refund that a buyer asked for,
// belong to groups: a shop's daily work is made of them.
//
// # What is not in it
//
// WeChat adds paths every month. An unknown path is no error: it has one label
// for all, [Other], and its caller decides what to make of it. An operator adds
// paths with a file of the same form; see [Catalogue.Overlay].
//
// A catalogue never changes once it is made, so that many goroutines may use it.
package catalogue
