package audit

import "iter"

// PeopleChange is the action of entries that say of whom something changed that
// servers remember: roles, names, sessions that ended. The keys of their details
// say who, as [Entry.People] does. The store adds one to a change whose own entries
// do not say it.
const PeopleChange = "people.change"

// Everybody stands in the details of a [PeopleChange] that is about too many to
// name.
const Everybody = "everybody"

// People gives whom an entry may have changed something of: "person:p_x",
// "admin:a_x", "shop:x" for those who came from the market into it, "session:s_x",
// "app:x" for those whom it proved, or [Everybody]. What is no such name may come
// too, and names may come twice.
func (e Entry) People() iter.Seq[string] {
	return func(yield func(string) bool) {
		if e.Outcome != Done && e.Outcome != Failed {
			return
		}
		if e.Action == PeopleChange {
			for name := range e.Details {
				if !yield(name) {
					return
				}
			}
			return
		}
		if !yield(e.Subject) {
			return
		}
		switch e.Actor.Kind {
		case ActorPerson, ActorAdmin, ActorShop:
			yield(e.Actor.Kind + ":" + e.Actor.ID)
		}
	}
}
