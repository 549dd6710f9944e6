// Package dockertest gives tests real Docker engines: the one that is there
// (Local), or several hosts on this machine (Fleet), each with its own network,
// processes, mounts and data, that can be frozen, cut off, crashed and powered
// off while the test looks on.
//
// Whatever a test makes with it is gone when the test ends, also when it
// failed. A test process that was killed leaves no process behind, because the
// processes of a host die with the test's own; the files, cgroups and bridges
// that may remain are removed by the next one.
//
// It knows nothing of manifests, plans and rollouts. Where an engine can't be
// had the test fails and says what to do: nothing is skipped.
package dockertest
