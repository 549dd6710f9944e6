package manifest_test

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/manifest"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]struct {
		span      time.Duration
		canonical string
	}{
		"10s": {10 * time.Second, "10s"}, "90s": {90 * time.Second, "1m30s"}, "1m30s": {90 * time.Second, "1m30s"},
		"0s": {0, "0s"}, "1500ms": {1500 * time.Millisecond, "1s500ms"}, "24h": {24 * time.Hour, "24h"}, "60m": {time.Hour, "1h"},
	} {
		var d manifest.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want.span {
			t.Errorf("%s: %v, %v", text, time.Duration(d), err)
		}
		wantText(t, d, want.canonical)
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]struct {
		bytes     int64
		canonical string
	}{
		"256MiB": {256 << 20, "256MiB"}, "1024KiB": {1 << 20, "1MiB"}, "1GiB": {1 << 30, "1GiB"}, "2TiB": {2 << 40, "2TiB"},
		"64kB": {64_000, "64kB"}, "1MB": {1_000_000, "1MB"}, "5GB": {5_000_000_000, "5GB"}, "3TB": {3e12, "3TB"},
		"1000": {1000, "1kB"}, "1001": {1001, "1001B"}, "7B": {7, "7B"}, "0": {0, "0B"},
	} {
		var s manifest.Size
		if err := s.UnmarshalText([]byte(text)); err != nil || int64(s) != want.bytes {
			t.Errorf("%s: %d, %v", text, s, err)
		}
		wantText(t, s, want.canonical)
	}
}

func TestCPUs(t *testing.T) {
	for text, want := range map[string]int64{"0.5": 5e8, "2": 2e9, "0.1": 1e8, "0.123456789": 123456789, "1.50": 15e8, "9223372036": 9223372036e9} {
		var c manifest.CPUs
		if err := c.UnmarshalText([]byte(text)); err != nil || int64(c) != want {
			t.Errorf("%s: %d, %v", text, c, err)
		}
		out, err := yaml.Marshal(c)
		if got := strings.TrimSpace(string(out)); err != nil || got != strings.TrimSuffix(text, "0") && got != text {
			t.Errorf("%s is written as %s, %v", text, got, err)
		}
	}
}

func TestNumbersThatAreTooLarge(t *testing.T) {
	for text, target := range map[string]encoding.TextUnmarshaler{
		"99999999999h": new(manifest.Duration), "9223372036854775807KiB": new(manifest.Size), "99999999999999999999": new(manifest.Size),
		"9999999999.5": new(manifest.CPUs),
	} {
		if err := target.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%s was read as %v", text, target)
		}
	}
	errs := loadErrors(t, tree("a.yaml", doc("Service", "web", "{image: web, shmSize: 99999999TiB}")), manifest.Options{})
	wantErrors(t, errs, "a.yaml:1:93: spec.shmSize: is out of range: must be at most 8388607TiB")
}

// What is written is read back as the same value.
func TestScalarsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := manifest.Size(rapid.Int64Range(0, math.MaxInt64).Draw(rt, "size"))
		span := manifest.Duration(time.Duration(rapid.Int64Range(0, math.MaxInt64/int64(time.Millisecond)).Draw(rt, "ms")) * time.Millisecond)
		mode := manifest.FileMode(rapid.Uint32Range(0, 0o777).Draw(rt, "mode"))
		var gotSize manifest.Size
		var gotSpan manifest.Duration
		var gotMode manifest.FileMode
		again(rt, size, &gotSize)
		again(rt, span, &gotSpan)
		again(rt, mode, &gotMode)
		if gotSize != size || gotSpan != span || gotMode != mode {
			rt.Fatalf("%d %d %o became %d %d %o", size, span, mode, gotSize, gotSpan, gotMode)
		}
	})
}

func again(rt *rapid.T, from encoding.TextMarshaler, to encoding.TextUnmarshaler) {
	text, err := from.MarshalText()
	if err == nil {
		err = to.UnmarshalText(text)
	}
	if err != nil {
		rt.Fatal(err)
	}
}

func TestConstraintsAndRestarts(t *testing.T) {
	for text, want := range map[string]manifest.Constraint{
		"host.labels.disk == ssd":            {Attribute: "host.labels.disk", Operator: "==", Value: "ssd"},
		"host.name!=edge-1":                  {Attribute: "host.name", Operator: "!=", Value: "edge-1"},
		"  host.arch   ==  amd64 ":           {Attribute: "host.arch", Operator: "==", Value: "amd64"},
		"host.labels.a/b==c=d":               {Attribute: "host.labels.a/b", Operator: "==", Value: "c=d"},
		"host.labels.zone in (a, b)":         {Attribute: "host.labels.zone", Operator: "in", Values: []string{"a", "b"}},
		" host.name  not   in ( edge-1,b ) ": {Attribute: "host.name", Operator: "not in", Values: []string{"edge-1", "b"}},
		"host.labels.in exists":              {Attribute: "host.labels.in", Operator: "exists"},
		"host.labels.gpu not exists":         {Attribute: "host.labels.gpu", Operator: "not exists"},
		"host.engine == 28.0.1":              {Attribute: "host.engine", Operator: "==", Value: "28.0.1"},
		"host.os in (linux)":                 {Attribute: "host.os", Operator: "in", Values: []string{"linux"}},
	} {
		set := load(t, tree("a.yaml", doc("Service", "web", fmt.Sprintf("{image: web, placement: {constraints: [%q]}}", text))))
		if got := set.Services[0].Spec.Placement.Constraints[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", text, got)
		}
	}
	wantText(t, manifest.Constraint{Attribute: "host.name", Operator: "!=", Value: "a"}, "host.name != a")
	wantText(t, manifest.Constraint{Attribute: "host.name", Operator: "not in", Values: []string{"a", "b"}}, "host.name not in (a, b)")
	wantText(t, manifest.Constraint{Attribute: "host.labels.a", Operator: "exists"}, "host.labels.a exists")
	for text, want := range map[string]manifest.Restart{"no": {Policy: "no"}, "on-failure": {Policy: "on-failure"}, "on-failure:3": {Policy: "on-failure", Times: 3}} {
		var r manifest.Restart
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
		wantText(t, r, text)
	}
}

func wantText(t *testing.T, v encoding.TextMarshaler, want string) {
	t.Helper()
	if got, err := v.MarshalText(); err != nil || string(got) != want {
		t.Errorf("written as %s, %v; want %s", got, err, want)
	}
}

// TestFieldPaths have one form, whatever they are written as, so that they can be
// compared as texts with what diff prints.
func TestFieldPaths(t *testing.T) {
	for written, want := range map[string]manifest.FieldPath{
		"image": "image", "environment.LOG": "environment.LOG", `environment["LOG"]`: "environment.LOG", "environment[LOG]": "environment.LOG",
		`labels["com.example.team"]`: `labels["com.example.team"]`, "labels[com.example/a]": `labels["com.example/a"]`, "labels.1st": `labels["1st"]`,
		"networks[front].aliases": "networks.front.aliases", "resources.limits": "resources.limits", "environment": "environment",
		`ports["8080/tcp"]`: `ports["8080/tcp"]`, "ports[8080/tcp]": `ports["8080/tcp"]`, `files["/etc/a b: c"]`: `files["/etc/a b: c"]`,
		"logging.options.max-size": "logging.options.max-size", "capAdd.NET_ADMIN": "capAdd.NET_ADMIN", "dns": "dns",
	} {
		set := load(t, tree("a.yaml", doc("Service", "web", fmt.Sprintf("{image: web, ignoreDifferences: [%q]}", written))))
		if got := set.Services[0].Spec.IgnoreDifferences[0]; got != want {
			t.Errorf("%s is %s, want %s", written, got, want)
		}
	}
}
