//go:build race

package keeper

// stormAccounts is how many accounts come due at once; fewer where each step
// costs ten times as much.
const stormAccounts = 3_000
