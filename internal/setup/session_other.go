//go:build !unix

package main

import "syscall"

// ownSession is never reached: engines are started on Linux only.
func ownSession() *syscall.SysProcAttr { return nil }
