// Package webhook listens to what forges tell at once: that something was
// pushed, or that a pull request changed. What it takes from a message is where
// to look, and nothing more: the repository is looked at as after any other
// wait, so a message that is forged, lost, repeated or late does no harm beyond
// one look too many or too late.
//
// It is open to the network, so it is strict in the order of what costs least:
// how often an address may ask, what its headers prove, how many messages are
// being read, of it and of all, and how large this one is, its signature, and
// only then what it says.
package webhook
