package git

import (
	"context"
	"errors"
)

func pushLocal(context.Context, string, *proposal) error {
	return errors.New("commits to local repositories are not made yet")
}
