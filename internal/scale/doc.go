// Package scale measures the whole server at the size it is made for, a million
// grants, and holds at small sizes that the measurements are right. It has no
// code of its own: everything is in its tests.
//
//	go test -run '^$' -bench . ./internal/scale -grants 1000000
//
// Without -grants the sizes are small enough for every run of the tests. What
// is measured, and the figure that is wanted:
//
//	BenchmarkTick      a look for due work among few and among many grants: about the same
//	BenchmarkMemory    memory of a process that holds every token: 400 MB at a million
//	BenchmarkReady     from start to serving, nothing in memory: 2 s at a million
//	BenchmarkSustained what 139 refreshes a second cost: 10 % of two cores
//	BenchmarkImport    accounts a second that move here from another system: 700
//	BenchmarkCatchUp   refreshes a second after an outage: 3,500
//
// The emulated WeChat is a process of its own, so that its work is not counted
// as the server's; it shares the machine. Databases are the ones that a server
// uses, PostgreSQL with the settings of its packages.
package scale
