// Package git turns a repository into revisions and read-only file trees, and
// commits edits back to it.
//
// It keeps a bare mirror in the state directory, asks the remote where its
// branch is, fetches only when that moved, and hands out any commit's tree as
// an fs.FS that reads objects by hash. There is no work tree, so nothing that
// a repository holds is ever written to disk under a name of its choosing, and
// there is no merge, so a force-push is an ordinary move.
//
// An edit is made of hashes as well: a commit on top of the branch, sent as a
// pack, again on the new head when the branch moved meanwhile. The one place
// where files are written under names from a repository is a work tree on this
// machine that has the branch checked out, as somebody's own checkout would,
// and only where nobody has changed anything.
//
// The remote is not trusted. Names, sizes and counts are checked when they are
// read; symbolic links, submodules and LFS pointers are not followed and fail
// when they are opened. Credentials are read from files or variables each time
// they are needed and appear in no error.
//
// The package must not know what the files mean: no YAML, no Docker. It needs
// no git binary and runs no hooks, filters or other programs of a repository.
package git
