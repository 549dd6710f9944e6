// Package whatif says what would become of a fleet if it were another one: if
// some hosts were lost, others added, or another revision in force.
//
// It takes a copy of what is live, changes it as the question says, and lets the
// real decisions be carried out on the copy, again and again, until there is
// nothing more to do. So there is no second opinion about what would happen: the
// caller hands in the very function that the controller decides with. Only what
// engines do is imagined here, and how long it takes them: see Queue.
//
// Everything is assumed to go well: images can be had, containers become healthy
// at their first check, jobs succeed, and what has no health check is up at once.
// What does not fit or has to wait is found out by the decisions and not assumed.
//
// It is pure: time passes in the argument, and nothing is touched.
package whatif
