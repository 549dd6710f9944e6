// Package images follows the tags of images as ImagePolicy manifests say: it asks
// their registries, and commits what is newer to the manifests, all of a round in
// one commit. Which tag that is, package reconcile/imagepolicy decides.
//
// It is level-triggered, as all else is: each round compares the manifests in force
// with what the registries say then, so nothing is lost where one fails. What was
// gone back from is not tried again; that is read off the commits made here before,
// off the pull requests asked for, and off the rollouts that failed.
//
// A round only ever builds on the commit that its manifests were read from. Where
// the branch has moved meanwhile, the next round looks at it anew.
package images
