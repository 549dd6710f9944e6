// Package notify tells people and programs what becomes of commits, as the
// manifests of the kind Notification say.
//
// It is level-triggered like the controller: what there is to tell follows from the
// status and the records of rollouts, and what was told is in the journal, so what a
// controller that was killed did not get to say is said by the next one. Everything is
// told at least once, and hardly ever twice.
//
// Nothing waits for it. Who can't be reached is tried again, apart from all others,
// and the status says so.
package notify
