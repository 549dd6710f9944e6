package forge

import (
	"context"
	"strings"
)

// Close implements Forge.
func (c *client) Close(ctx context.Context, number int) (ours bool, err error) {
	err = c.alone(ctx, func() (err error) {
		ours, err = c.closed(ctx, number)
		return err
	})
	return ours, c.wire.wrap(err, "close pull request %d", number)
}

func (c *client) closed(ctx context.Context, number int) (ours bool, err error) {
	p, err := c.pull(ctx, number)
	if err != nil {
		return false, err
	}
	account, err := c.account(ctx)
	if err != nil || !strings.EqualFold(p.Author, account) {
		return false, err
	}
	if p.State != StateOpen {
		return true, nil
	}
	return true, c.shut(ctx, number)
}
