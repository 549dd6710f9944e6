// Package feedback tells Git and a forge how commits went: it keeps their statuses
// as the controller's status says that they should be, and reverts those that apps
// went back from, where they ask for that.
//
// It is level-triggered like the controller. What a forge has been told is in the
// journal, so a controller that was killed in between tells the rest when it is
// started again, and what was only told to be pending comes to a final word.
//
// Nothing waits for it: a forge that is away is told later.
package feedback
