// Package registry asks image registries which digest a reference stands for and
// what a digest's image is made for, and finds the credentials to show them: those
// given outright, then those of the Docker configuration file and its credential
// helpers.
//
// A tag may be moved at any time. It is asked for once per revision, so that
// all hosts get the same image, and a rollback the one of then.
//
// It knows nothing of apps' manifests, hosts and rollouts, it never pulls
// anything, and no credentials leave it in an error or a log.
package registry
