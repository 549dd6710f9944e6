package main

import (
	"fmt"
	"strconv"
	"time"
)

// The ways to fail.
const (
	failExit      = "exit"
	failUnhealthy = "unhealthy"
	failHangStart = "hang-start"
	failHangStop  = "hang-stop"
)

type settings struct {
	listen     string
	message    string
	startDelay time.Duration
	lameDuck   time.Duration
	fail       string
	exitCode   int
	exitAfter  time.Duration
}

func settingsFrom(getenv func(string) string) (settings, error) {
	s := settings{listen: ":8080", message: getenv("MESSAGE"), fail: getenv("FAIL"), exitCode: 1}
	if v := getenv("LISTEN"); v != "" {
		s.listen = v
	}
	switch s.fail {
	case "", failExit, failUnhealthy, failHangStart, failHangStop:
	default:
		return s, fmt.Errorf("read FAIL %q: must be exit, unhealthy, hang-start or hang-stop", s.fail)
	}
	if v := getenv("EXIT_CODE"); v != "" {
		code, err := strconv.Atoi(v)
		if err != nil {
			return s, fmt.Errorf("read EXIT_CODE: %w", err)
		}
		s.exitCode = code
	}
	var err error
	if s.startDelay, err = duration(getenv, "START_DELAY"); err != nil {
		return s, err
	}
	if s.lameDuck, err = duration(getenv, "LAME_DUCK"); err != nil {
		return s, err
	}
	s.exitAfter, err = duration(getenv, "EXIT_AFTER")
	return s, err
}

func duration(getenv func(string) string, name string) (time.Duration, error) {
	v := getenv(name)
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", name, err)
	}
	return d, nil
}
