//go:build !unix

package git

import "os"

// owner is whose a repository is; where files have no owner, nobody's.
type owner struct{}

func ownerOf(string) owner              { return owner{} }
func (owner) adopt(string)              {}
func (owner) adoptIn(*os.Root, string)  {}
func (owner) mkdirAll(dir string) error { return os.MkdirAll(dir, publicDir) }
