//go:build !race

package keeper

// stormAccounts is how many accounts come due at once.
const stormAccounts = 100_000
