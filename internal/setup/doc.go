// Package setup turns a manifest, the wished-for state of apps, tenants,
// shops, clients and members, into a plan against what is kept, and has the
// plan carried out in one transaction.
//
// Applying the same manifest twice changes nothing the second time. What a
// manifest does not name stays, unless pruning is asked for; what pruning would
// remove can be seen first by a dry run. Two appliers at once cannot mix: the
// plan names the revision of the directory that it was made against, and the
// store refuses any other.
//
// Secrets arrive in the clear, are sealed here, and are never shown again. A
// secret equal to the kept one is not sealed anew.
package setup
