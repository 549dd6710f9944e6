package main

import (
	"context"
	"os"
	"syscall"
	"testing"
)

// terminate sends a signal to the test itself, which has asked for it.
func terminate(t *testing.T) {
	t.Helper()
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Signal(syscall.SIGTERM)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Whatever still hangs, nobody has to reach for kill -9.
func TestSecondSignalEndsTheProcess(t *testing.T) {
	exited := make(chan struct{})
	soft, hard, stop := signals(context.Background(), func() { close(exited) })
	defer stop()
	terminate(t)
	<-soft.Done()
	if hard.Err() != nil {
		t.Error("one signal insists already")
	}
	terminate(t)
	<-hard.Done()
	<-exited
}

func TestNoSignalAfterTheEnd(t *testing.T) {
	soft, hard, stop := signals(context.Background(), func() { t.Error("the process is ended") })
	stop()
	if soft.Err() == nil || hard.Err() == nil {
		t.Error("the contexts go on")
	}
}
