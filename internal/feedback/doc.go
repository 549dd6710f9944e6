// Package feedback tells a forge how commits went: it keeps their statuses as the
// controller's status says that they should be.
//
// It is level-triggered like the controller. What a forge has been told is in the
// journal, so a controller that was killed in between tells the rest when it is
// started again, and what was only told to be pending comes to a final word.
//
// Nothing waits for it: a forge that is away is told later.
package feedback
