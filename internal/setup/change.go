package setup

import (
	"context"
	"fmt"

	"github.com/zhanggui/zhanggui/internal/access"
	"github.com/zhanggui/zhanggui/internal/audit"
)

// ChangeClient changes one client, as a manifest that names it alone would. It
// returns [access.ErrNotFound] for a client that is not there, an [*InvalidError] when
// change refuses or makes what cannot be applied, and [access.ErrStale] when
// somebody else changed the directory meanwhile; in all cases nothing was changed.
func (s *Setup) ChangeClient(ctx context.Context, id string, change func(*Client) error, by audit.Actor) (Result, error) {
	kept, err := s.read(ctx)
	if err != nil {
		return Result{}, err
	}
	was, known := kept.clients[id]
	if !known {
		return Result{}, access.ErrNotFound
	}
	c := Client{ID: was.ID, Name: was.Name, Shops: was.Shops, Mode: was.Mode, Expires: was.ExpiresAt, Rights: was.Rights}
	if err := change(&c); err != nil {
		return Result{}, &InvalidError{Problems: []string{fmt.Sprintf("client %q: %v", id, err)}}
	}
	return s.apply(ctx, kept, Manifest{Clients: []Client{c}}, by, Options{})
}
