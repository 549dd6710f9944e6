//go:build unix

package main

import "syscall"

// ownSession keeps a process running when the terminal that started it closes.
func ownSession() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
