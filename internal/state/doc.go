// Package state is the controller's journal: one bbolt file in the state
// directory. It keeps what a controller that comes after this one should know:
// the revision last found good, the rollouts of every app, which containers of
// ours each host was last seen with, and the log of what was done.
//
// Losing it loses history and never a container. So a file that can't be read
// is moved aside and begun anew, and nothing here is ever asked whether a
// container may be touched: that is read off the hosts.
//
// What decides something (a revision, a rollout, a host) is on disk before the
// call returns. What only tells of it (an event) is written a little later and
// many at once, because a disk must not slow down the loop.
package state
