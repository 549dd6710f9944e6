//go:build !unix

package git

import "context"

// lockDir does nothing where there is no flock: there, a mirror is for one
// process.
func lockDir(context.Context, string) (unlock func(), err error) { return func() {}, nil }
