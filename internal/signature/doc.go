// Package signature says who signed something, of those who may.
//
// A list of signers is what Git calls one: lines of ssh-keygen's format ALLOWED
// SIGNERS (principals, options, key), and between them OpenPGP public keys in
// armor. Signatures are the two kinds that Git makes with such keys.
//
// It must not know what is signed, nor where a list comes from.
package signature
