// Package keeper keeps the access token of every grant fresh and hands it out:
// [Keeper.Token], [Keeper.ComponentToken], [Keeper.Report]. It is the only place
// that asks WeChat for tokens after an authorisation.
//
// # A refresh
//
//	tick ──► ClaimDue ─┐
//	Token, Report ──► Claim ─┴─► look again ─► open ─► ask ─► classify ─► seal ─► Settle ─► memory
//	                  (lease)    (maybe done)         (WeChat)                   (durable)
//
// A report probes the kept token between open and ask, and so does the daily
// proof.
//
// The store decides who refreshes: a lease on the grant, with a term that
// counts up. Everything after the claim is bounded by the lease and detached
// from whoever wanted the token; callers wait for it as long as they like.
//
//	claim          ask begins        ask must end      trust ends   lease ends
//	  ├────────────────┼──── Ask ─────────┼──── settle ──────┤── Margin ──┤
//	  begin                                                  anybody may claim
//
// Trust is counted from before the claim was sent, so it ends before the lease
// does on any clock. Nothing is asked unless there is room left to settle. A
// holder that was paused past its lease may still reach WeChat, which knows no
// fencing; its settle is refused, since another term or generation is kept by
// then, and it drops what it got and reads again.
//
// # States and who decides
//
// The states are those of package grant. The keeper alone moves a grant between
// active and stopped, and from active to needs_owner; revoking and authorising
// are others' transitions, after which they call [Keeper.Forget] or
// [Keeper.Kick]. What a failure leads to is a table in classify.go; when it is
// looked at again are the tables in schedule.go. Plans are data in the store,
// not sleeping goroutines: a mended setting takes effect at the next look.
//
// # Pace and outages
//
// Due grants are claimed in batches, as many as may start at once: workers are
// free for a batch, the pace allows it, and WeChat can be reached. So no lease
// runs out in a queue. One app is asked at half of what WeChat allows at most,
// and not at all while a limit that WeChat named lasts; its other grants are
// planned one after the other. A refresh that somebody waits for is counted and
// does not wait. See pace.go.
//
// When several grants in a row cannot reach WeChat, a gate shuts: one request
// at a time finds out whether WeChat is back, by a table in gate.go, and callers
// without a valid token are told at once when that will be. The first answer
// opens the gate and wakes those that failed.
//
// # Platforms
//
// A third-party platform's token (component) is asked for with its AppSecret and
// the newest ticket that WeChat pushed; when that is refused, once with the one
// before. Without a good ticket the grant is stopped, and a human is told: the
// next ticket makes it due again. Each answer is a new token, so nothing is ever
// forced.
//
// The token of an account that authorised the platform (isv) is asked for with
// the platform's token and the account's refresh token. What the platform's
// token lacks, its own grant tells; the accounts wait by the retry plan, send
// nothing, tell nobody, and are woken when the token is there. When WeChat refuses
// the platform's token there, it is reported like a shop's: the probe decides.
//
// The refresh token that an answer brings replaces the kept one; an empty one
// never does and is never sent. It has no end of its own. When WeChat refuses it,
// or says that the account withdrew, WeChat is asked what it knows of the
// authorisation (the table is in heal.go):
//
//	WeChat names      refused as 61023, or none kept     refused as 61003
//	another           kept first, then asked with        the same
//	the same, or none needs the owner                    asked again by the plan
//	no authorisation  needs the owner                    needs the owner
//	nothing readable  asked again by the plan            the same
//
// A shop may have a grant of its own and one of a platform side by side; the store
// says which one serves it. After that changed, [Keeper.ForgetShop] has the next
// use read the store.
//
// # Grants of another system
//
// A held grant yields no token. A followed one yields the access token that the
// other system keeps, read from there through a [Follower], served for a minute at
// most and never past its end. A report has it read again, once in half a minute;
// the same token again is an error then, ErrFollowed. Nothing here is asked of
// WeChat, claimed or stored. The generation of such a token is the time at which
// this process first saw it, so that it is above the kept ones.
//
// # Proofs
//
// That a token was renewed does not say that WeChat takes it. Once a day each
// active grant is proved: by a call that went well ([Keeper.Proved]), else by
// one cheap read with the token that is about to be renewed. One refusal is
// written down and changes nothing; from the second in a row on a human knows.
// An answer that says nothing of the token changes nothing.
//
// # Sleep
//
// With Options.SleepAfter a grant that nobody used for so long is not renewed:
// it stays active with the cause "asleep" and without a plan, but for a person's
// reminders. Its next use claims it like any ended one.
//
// # Reports
//
// A client's call was refused with an errcode that speaks of the token. That
// need not be the token's fault: a path that wants another kind of token
// refuses every one. And a forced refresh ends the live token of all other
// programs of the shop. So the keeper believes its own probe only, one cheap
// read with the kept token. The table is in decide.go, in short:
//
//	errcode      kept token          probe     what is done
//	other        any                 -         hand over what is kept
//	40001,       a later generation  -         hand it over
//	40014,       judged lately       -         the same token, or why there is none
//	42001        ended               -         ask
//	             lives               alive     the same token; asked only if due
//	             lives               unclear   ask; the same token again is left
//	             lives               dead      ask; the same token again: force
//
// What a report led to answers the next ones for 30 seconds, doubled up to 8
// minutes while they go on about one chain of tokens. Another token that a
// report brought may be reported at once, twice in a row; it may really be dead
// again. This is in the memory of one process.
//
// Forced refreshes are counted in the store for all processes, by who spends
// them: 20 in 24 hours, the last 5 for administrators, 5 for one program, with
// growing waits between them. The ledger is read and written under the grant's
// lease, before the request is sent.
//
// # Kills
//
// Revoking deletes the tokens here; WeChat takes them until they end. A
// revocation that kills leaves the grant due, without tokens: the keeper spends
// two forced refreshes more than 30 seconds apart and drops what they bring.
// What is owed stands in the row and goes down only with an answer, so a crash
// costs one too many, never one too few.
//
// The kill switch does the same for an active grant: two forced refreshes, whose
// answers are kept and served, so that every token that was out is worthless. What the
// ledger does not give yet waits, and renewals go on by the plan.
//
// # Deaths
//
// A kept token that is found dead, or that WeChat names no more, long before its end
// is told to a [Witness] with what the attempt learned anyway: when the lease before
// was settled, and how much life the token has that WeChat names now. Nothing more is
// asked for it, and nobody waits.
//
// # Memory
//
// Memory is a cache of what the store holds, filled by use: a token comes in
// when somebody wants it, and a scheduled renewal replaces it there only if it
// was used since the last one. So memory grows with the shops in use, not with
// the shops that exist. A hit takes no lock and allocates nothing; it reads the
// clock, finds the token in a hash table of atomic pointers and looks at its
// marks.
//
// [Keeper.Forget] and [Keeper.Changed] take a token out and are written into a
// journal, so that a read of the store that began before them puts nothing
// back. Where a feed of changes calls Changed, the periodic look at the store
// can be switched off.
//
// # Where it can break
//
// Every step that reaches outside can fail, or can fail and have landed:
//
//	step    failed                              failed but landed
//	Claim   next tick or caller                 lease runs out; next claim is told: unsettled
//	probe   nothing is proved: no force     a read changes nothing
//	ask     not sent: retry plan                unknown: recorded; nobody asks before the lease
//	                                            is over, then WeChat is asked what holds
//	look up retry plan: no word of it ends      a read changes nothing
//	        a grant
//	seal    tried again, then stopped; the      (has no other side)
//	        answer is not used
//	Settle  repeated while the lease is         the repeat is refused, the row is read and
//	        trusted; then the spool keeps the   found to be this settle: it counts
//	        answer, or it is not used
//	force   not in the ledger: not sent         in the ledger and not sent: one fewer today
//	crash   the lease runs out; the next claim is unsettled, which the store
//	        records with it, and WeChat is asked what holds
//
// A lost answer costs little: WeChat gives the same stable token to whoever
// asks again, and a person's refresh token is kept until a newer one is
// durable. An account's refresh token that came with a lost answer is looked up
// as soon as WeChat refuses the one before.
//
// # What holds
//
//   - For one grant and generation one refresh is sent, over any number of
//     callers and replicas; a second one only after the first's lease and
//     deadline are over and its outcome is recorded as unknown.
//   - A token is served only after the store has it, or the spool.
//   - An errcode that nobody knows deletes nothing. Nothing here deletes tokens.
//   - Before its end a token is served although WeChat or the store is down;
//     [Keeper.Health] says so. After its end it is never served.
//   - Callers cannot make the keeper ask more often than its plan: what failed
//     waits for its time, a report is answered from memory for a while, and a
//     healthy grant is asked for at most every five seconds, however short the
//     lives that WeChat gives.
//   - Nothing is forced while WeChat accepts the kept token, except to kill it.
//   - A refresh token is sent only after the store has it. No refusal of one ends
//     a grant before WeChat was asked what holds.
//   - A human is told once for each cause, and once when it is over.
//
// Expiry counts from the start of the request, on the monotonic clock within
// one process. Locks are held for map lookups only, never during a call to the
// store, the vault or WeChat.
package keeper
