package wechatsim

import (
	"slices"
	"strconv"
)

// desk is what a merchant keeps besides goods and orders. It is laid out when
// it is first needed; the same shop always begins with the same desk.
type desk struct {
	media    shelf[medium]
	mediaSeq int
	videos   shelf[video]

	reviews    reviews
	flow       []stockChange
	rates      map[string]stockRate // by sku
	warehouses shelf[warehouse]
	priorities map[place][]string

	addresses shelf[merchantAddress]
	freights  shelf[freight]

	coupons     shelf[coupon]
	userCoupons shelf[userCoupon]
	discounts   shelf[discount]
	complaints  shelf[complaint]
	withdrawals shelf[withdrawal]
	account     *bankAccount // nil until it was set
}

func (sh *shop) desk() *desk {
	if sh.kept == nil {
		sh.kept = &desk{}
	}
	return sh.kept
}

// shelf keeps things by id, in the order in which they came. The zero shelf is
// empty and ready for use.
type shelf[T any] struct {
	ids  []string
	byID map[string]*T
	last uint64
}

func (k *shelf[T]) add(id string, v *T) {
	if k.byID == nil {
		k.byID = map[string]*T{}
	}
	if k.byID[id] == nil {
		k.ids = append(k.ids, id)
	}
	k.byID[id] = v
}

// number adds v under the next number from first on, and returns it.
func (k *shelf[T]) number(first uint64, v *T) string {
	if k.last == 0 {
		k.last = first
	} else {
		k.last += 2
	}
	id := strconv.FormatUint(k.last, 10)
	k.add(id, v)
	return id
}

func (k *shelf[T]) get(id idText) *T { return k.byID[string(id)] }

func (k *shelf[T]) drop(id string) {
	delete(k.byID, id)
	k.ids = slices.DeleteFunc(k.ids, func(other string) bool { return other == id })
}
