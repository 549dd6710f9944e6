// Package e2e holds the tests of the whole: the real binary, real Git
// repositories and real Docker hosts. What it asserts is what a user sees from
// outside: which containers run where, after a commit, a revert, a kill, a host
// that goes away. It knows the command line and nothing of what is behind it.
package e2e
