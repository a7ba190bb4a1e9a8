// Package chaos runs several replicas of this program against the emulator and
// one database, breaks things at random, and judges what came of it. It is the
// command zhanggui chaos.
//
//	            ┌─ way ─► replica 0 (a process) ─ way ─┐
//	programs ───┼─        replica 1               way ─┼─► database + witness
//	            └─        replica 2               way ─┘
//	                         └── way ─► the emulator, in this process
//
// Replicas are child processes of this binary: they are killed with SIGKILL and
// stopped with SIGSTOP. Every way between a replica and the database or the
// emulator goes through a [Way], which can refuse, hang, delay and cut. The
// clock of a replica is off by up to two hours, and jumps; only its wall clock,
// since no machine's monotonic clock does that.
//
// # Time
//
// Everything runs in real time. The emulator gives tokens of a short life
// ([Settings].Life) and the keepers have short leases ([Times]), so that half a
// minute holds many refreshes. The keeper's tables are those of production: a
// token that has less left than they ask for is renewed at half of its life. A
// scaled clock was not taken: the database times leases by its own clock and
// the keeper's deadlines are real timers, so a faster clock would bend exactly
// what is under test.
//
// # The plan
//
// What is broken, when and for how long is drawn from the seed before anything
// starts ([NewPlan]): one seed, one plan. What the replicas make of it also
// depends on the machine, so a seed that failed once may pass the next time;
// run it again a few times.
//
// # The judgement
//
// After the faults comes a calm, in which everything must heal by itself. Then
// package balance judges: by the emulator's ledger, by a witness (a table with
// triggers beside the grants, which writes down every change of a row with the
// database's clock), by the audit log, and by what the programs were answered.
// At the end each kept token is opened and shown to the emulator.
//
// # What it starts, it ends
//
// Replicas die with this process, also if it crashes. Nothing listens on an
// address other than loopback.
package chaos
