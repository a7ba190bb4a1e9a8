package radar

import (
	"fmt"
	"testing"

	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// TestMemoryIsBounded: shops and paths that are too many are counted as one, and no
// call is lost.
func TestMemoryIsBounded(t *testing.T) {
	c := NewCounter()
	c.most = 10
	const calls = 2000
	for i := range calls {
		c.Count("erp", fmt.Sprintf("s%d", i), "/channels/ec/order/get")
	}
	all := c.take()
	sum := int64(0)
	for _, n := range all {
		sum += n
	}
	if rest := all[place{"erp", "", catalogue.Other}]; len(all) > shards*c.most+1 || rest == 0 || sum != calls {
		t.Errorf("%d counts, %d in the rest, %d calls in all", len(all), rest, sum)
	}
	if again := c.take(); len(again) != 0 {
		t.Errorf("taken twice: %v", again)
	}
}
