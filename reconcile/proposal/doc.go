// Package proposal says what a proposed change of the manifests would do, such as
// a pull request's: what the hosts would be asked to do once it was merged, and
// what in it a person should look at twice.
//
// What it does is told apart from what is to be done anyway. So the plan is not
// made against what the hosts report, but against what they will be like once
// the base has been carried out on a copy of them, by the controller's own
// decisions (see package whatif). What differs between the two is the drift, and
// not the proposal's.
//
// Everything of the proposal was written by somebody who is not trusted yet. It is
// compared and told, and nothing is taken from it: no host of it is looked at, no
// registry of it is asked, no secret of it is opened.
//
// It is pure: time passes in the argument, and nothing is touched.
package proposal
