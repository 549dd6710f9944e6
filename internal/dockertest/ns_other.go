//go:build !linux

package dockertest

import "syscall"

// namespaces is never reached: Fleet refuses before.
func namespaces() *syscall.SysProcAttr { return nil }
