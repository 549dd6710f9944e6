// Package hold is what the containers run that hold a pod's network, and the
// image that they run it from: this very program, alone in an image, so that no
// registry has to be reached.
//
// A holder does nothing at all. The network is there for as long as it runs, and
// so is the address, whatever becomes of the containers that share it. The
// package knows nothing of pods.
package hold
