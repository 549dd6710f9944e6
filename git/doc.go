// Package git turns a repository into revisions and read-only file trees.
//
// It keeps a bare mirror in the state directory, asks the remote where its
// branch is, fetches only when that moved, and hands out any commit's tree as
// an fs.FS that reads objects by hash. There is no work tree, so nothing that
// a repository holds is ever written to disk under a name of its choosing, and
// there is no merge, so a force-push is an ordinary move.
//
// The remote is not trusted. Names, sizes and counts are checked when they are
// read; symbolic links, submodules and LFS pointers are not followed and fail
// when they are opened. Credentials are read from files or variables each time
// they are needed and appear in no error.
//
// The package must not know what the files mean: no YAML, no Docker. It needs
// no git binary.
package git
