package dockertest

import "syscall"

// namespaces gives a process its own network, mounts, processes, name and IPC,
// and a process group, so that the terminal's Ctrl-C reaches only the test.
func namespaces() *syscall.SysProcAttr {
	const own = syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
	return &syscall.SysProcAttr{Cloneflags: own, Setpgid: true}
}
