package docker

import (
	"errors"
	"testing"
)

func value(n int) func() (int, error) { return func() (int, error) { return n, nil } }

func TestMemoKeepsUntilForgotten(t *testing.T) {
	var m memo[int]
	for i := range 3 {
		if v, err := m.load("k", true, value(i)); v != 0 || err != nil {
			t.Errorf("load %d: %d, %v", i, v, err)
		}
	}
	if v, _ := m.load("k", false, value(7)); v != 7 {
		t.Errorf("not trusted, but kept: %d", v)
	}
	m.forget("k")
	if _, ok := m.get("k"); ok {
		t.Error("forgotten, but there")
	}
	m.load("a", true, value(1))
	m.load("b", true, value(2))
	m.retain(func(key string) bool { return key == "b" })
	if _, ok := m.get("a"); ok {
		t.Error("not retained, but there")
	}
	m.forgetAll()
	if _, ok := m.get("b"); ok {
		t.Error("all forgotten, but there")
	}
}

func TestMemoKeepsNoErrors(t *testing.T) {
	var m memo[int]
	failure := errors.New("no")
	if _, err := m.load("k", true, func() (int, error) { return 5, failure }); err != failure {
		t.Errorf("got %v", err)
	}
	if _, ok := m.get("k"); ok {
		t.Error("a failed reading was kept")
	}
}

// What was read before a change must not be kept after it.
func TestMemoDropsReadingsThatAChangeOvertook(t *testing.T) {
	for name, forget := range map[string]func(m *memo[int]){
		"key": func(m *memo[int]) { m.forget("k") },
		"all": func(m *memo[int]) { m.forgetAll() },
	} {
		var m memo[int]
		v, err := m.read("k", func() (int, error) {
			forget(&m)
			return 1, nil
		})
		if v != 1 || err != nil {
			t.Errorf("%s: the reading itself is lost: %d, %v", name, v, err)
		}
		if _, ok := m.get("k"); ok {
			t.Errorf("%s: the overtaken reading was kept", name)
		}
		m.read("k", value(2))
		if v, _ := m.get("k"); v != 2 {
			t.Errorf("%s: the next reading was not kept", name)
		}
	}
}
