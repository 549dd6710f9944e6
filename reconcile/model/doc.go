// Package model is the vocabulary in which what Git asks for and what the
// hosts report are compared.
//
// Both sides arrive here already normalised: reconcile/desired turns manifests
// into a Desired, reconcile/engine turns what an engine reports into Live, and
// from then on nobody needs to know what YAML or the Docker API look like.
// Everything is a value. Nothing here reads a clock, a file or a network, and
// nothing here decides: deciding is the work of place, plan and rollout.
package model
