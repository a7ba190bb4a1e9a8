// Package people is who may do what in a shop, and how that ends, as the shop's
// owner sees it: the people with their roles and devices, the programs that hold
// keys, whether the shop is connected, and who of the provider looked in.
//
// # Who decides what
//
// An owner of a tenant decides about roles in the tenant and in each of its shops;
// an owner of one shop decides about roles in that shop. Every change wants somebody
// whom WeChat named within ten minutes. Nobody changes their own role: giving
// ownership away is a transfer, and leaving is deleting one's data.
//
// The store refuses whatever would leave a tenant or a shop that has an owner without
// one for good. An owner whose role ends on a date, or whom WeChat does not name any
// more, does not count.
//
// # Removing somebody
//
// A page lists what goes with the role: every session of the person ends, and keys
// and invitations that they made stop to work. Saying yes does all of it in one
// transaction. When there is more by then than was listed, nothing happens and the
// list is shown again.
//
// # Handing ownership over
//
//	an owner offers ──► a member of the place accepts, within a day ──► done
//	the operator gives notice ──► 24 hours in which an owner can stop it ──► done
//
// Who gives becomes an operator. A notice is carried out by [People.Run], on one
// replica or another.
//
// # Staff
//
// Provider staff (administrators, support, auditors) are never members. To see the
// pages of a tenant's shops they enter it with a reason, for an hour; its owners are
// told and see who looked. They see what an owner sees and can change nothing there.
//
// # A person's own data
//
// Everybody may take away what is kept of them, and have it deleted. Our random id
// stays: the audit log names it, and must stay whole. So does the role of a last
// owner, which the page says before.
package people
