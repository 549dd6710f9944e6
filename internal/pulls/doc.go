// Package pulls answers pull requests: what merging one would do is computed and
// said in one comment, and its head gets a status, which a forge can require.
//
// It is level-triggered: every look compares all open pull requests with what was
// answered, so messages of the forge only make a look come sooner, and however many
// come, one look answers them. A forge that is away leaves everything as it is.
//
// Nothing of a pull request is run, and one from a fork is not even read before a
// maintainer has put a label on it.
package pulls
