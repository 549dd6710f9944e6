// Package secret decrypts the secrets that manifests name, with age keys that
// the installation has: in variables, in files or in folders of files. Keys are
// read anew for every revision, so that one that is exchanged needs no restart.
//
// SOPS files are read here and not by the SOPS library: that one brings every
// cloud's key service along, asks addresses that the repository names and
// programs that lie around, and repeats values and hashes of them in its
// errors. What is read here is what SOPS writes for age keys; the tests hold it
// to files that SOPS wrote.
//
// A value leaves this package in what Open returns, and by no other way: no
// error has a part of one in it. The package knows nothing of hosts and
// containers, logs nothing and keeps nothing.
package secret
