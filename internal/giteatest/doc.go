// Package giteatest starts a real Gitea for tests: built from its own module,
// headless on a loopback port, with SQLite, in a folder of its own. It ends
// with the test, however that ends.
//
// The program is built once per version, which takes some minutes, and kept in
// the user's cache folder. It is no part of this module: its dependencies are
// not ours.
package giteatest
