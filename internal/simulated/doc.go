// Package simulated plays a fleet of Docker hosts, for trying things out and for
// load: `tallyman serve --simulate` runs the whole controller on it, in real time.
//
// The hosts are those of reconcile/engine/sim, which the tests hold to the same
// promises as real engines. Here they need as long as real ones do, every image
// can be had, every container becomes healthy, and what runs to its end ends well.
// Nothing of Docker is touched, and what there was is gone with the process.
package simulated
