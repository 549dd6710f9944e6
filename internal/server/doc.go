// Package server lets the other verbs talk to a running controller: HTTP and
// JSON over a unix socket in the state directory, and the client for it.
//
// It answers from what the controller knows already and decides nothing. Who
// may use it is a matter of the directory's permissions: the socket is for the
// user that the controller runs as, and there is no other access control.
package server
