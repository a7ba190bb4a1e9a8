// Package pgtest starts PostgreSQL servers for tests and for trials: in a
// directory of their own under the temporary one, on a Unix socket, as a user that
// is not root. They end with the process that started them, however that ends.
//
// A test that needs a database calls [Database]; the server behind it is shared by
// all tests of the process, and ZHANGGUI_TEST_POSTGRES may name another one by its
// URL. A test or a program that stops, kills or fails over servers starts its own
// with [Start], and may put [Server.Bouncer] in front of it and [Server.Standby]
// beside it.
package pgtest
