package outage_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/zhanggui/zhanggui/internal/outage"
)

// TestOf finds an outage below other words, and leaves other errors alone.
func TestOf(t *testing.T) {
	lost := &outage.Error{Kind: outage.Away, Err: fmt.Errorf("start it: %w", io.ErrUnexpectedEOF)}
	err := fmt.Errorf("store: read: %w", lost)
	if got, ok := outage.Of(err); !ok || got != lost || got.Unsure {
		t.Errorf("%v, %t", got, ok)
	}
	if err.Error() != "store: read: start it: unexpected EOF" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the driver's words are lost: %v", err)
	}
	for _, other := range []error{nil, io.EOF} {
		if got, ok := outage.Of(outage.Unsure(other)); ok {
			t.Errorf("%v tells of an outage: %v", other, got)
		}
	}
	if got, _ := outage.Of(outage.Unsure(err)); !got.Unsure {
		t.Error("nobody knows that the change may have been made")
	}
}
