// Package sqlgen is the queries of the store as Go functions. Everything but
// this file is generated from the SQL in sqlstore/queries; it decides nothing.
package sqlgen
