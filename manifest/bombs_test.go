package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
)

// laughs is a "billion laughs": each line holds the one above ten times.
func laughs(first, format string, levels int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "x0: &x0 %s\n", first)
	for i := 1; i < levels; i++ {
		alias := fmt.Sprintf("*x%d", i-1)
		fmt.Fprintf(&b, "x%d: &x%d "+format+"\n", i, i, strings.Join([]string{alias, alias, alias, alias, alias, alias, alias, alias, alias, alias}, ", "))
	}
	return b.String()
}

// Whatever aliases make of a few lines, the answer is an error, and soon.
func TestAliasBombs(t *testing.T) {
	head := "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\n"
	for name, text := range map[string]string{
		"in unknown fields": head + laughs("[a]", "[%s]", 12) + "spec: {image: web}\n",
		"in merge keys":     head + laughs("{a: b}", "{<<: [%s]}", 12) + "spec: {image: web, labels: {<<: *x11}}\n",
		"empty merges":      head + laughs("{}", "{<<: [%s]}", 12) + "spec: {image: web, labels: {<<: *x11}}\n",
		"in a list":         head + laughs("a", "[%s]", 12) + "spec: {image: web, command: *x11}\n",
		"a circle":          head + "spec: &s\n  image: web\n  update: *s\n",
		"a merge circle":    head + "spec: &s\n  image: web\n  labels: &l {<<: *l}\n  sysctls: {<<: *s}\n",
		"a list in itself":  head + "spec: {image: web, command: &c [*c]}\n",
		"a wide one":        head + "spec:\n  image: web\n  mounts: &m [" + strings.Repeat("{volume: v, path: /x},", 1000) + "]\n  files: [" + strings.Repeat("*m,", 1000) + "]\n",
	} {
		t.Run(name, func(t *testing.T) {
			errs := loadErrors(t, tree("a.yaml", text), manifest.Options{})
			if len(errs) > 110 {
				t.Errorf("%d errors", len(errs))
			}
		})
	}
}

// A list that is repeated by aliases is as long as if it had been written out.
func TestTooManyValuesBehindAliases(t *testing.T) {
	text := "apiVersion: tallyman/v1\nkind: Service\nmetadata: {name: web}\nspec:\n  image: web\n  labels: &l {" +
		labels(5_000) + "}\n  sysctls:\n    <<: [" + strings.Repeat("*l, ", 100) + "]\n"
	wantErrors(t, loadErrors(t, tree("a.yaml", text), manifest.Options{}),
		"a.yaml:1:1: has more than 200000 values after its aliases are followed")
}

func labels(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "l%d: v, ", i)
	}
	return b.String()
}

func TestListsHaveAnEnd(t *testing.T) {
	text := doc("Service", "web", "{image: web, ports: ["+strings.Repeat("{port: 80}, ", manifest.MaxItems+1)+"]}")
	wantErrors(t, loadErrors(t, tree("a.yaml", text), manifest.Options{}),
		"a.yaml:1:91: spec.ports: must have at most 1000 elements")
}

func TestOddBytes(t *testing.T) {
	volume := doc("Volume", "data", "")
	for name, c := range map[string]struct{ text, want string }{
		"NUL":               {volume + "# a\x00b", "a.yaml:2:4: contains a NUL byte"},
		"not UTF-8":         {"# \u00fc\u00fc \xff\n" + volume, "a.yaml:1:6: is not UTF-8 text"},
		"NUL before Latin":  {"\x00\xff", "a.yaml:1:1: contains a NUL byte"},
		"UTF-16":            {"\xff\xfea\x00", "a.yaml:1:1: is not UTF-8 text"},
		"deep brackets":     {strings.Repeat("[", 100_000), "a.yaml:1:1: is not valid YAML: exceeded max depth of 10000"},
		"only a BOM":        {"\xef\xbb\xbf", "a.yaml:1:1: holds no manifest (remove the file, or name it in .tallymanignore)"},
		"nothing":           {"", "a.yaml:1:1: holds no manifest (remove the file, or name it in .tallymanignore)"},
		"a control sign":    {"a: \x01", "a.yaml:1:1: is not valid YAML: control characters are not allowed"},
		"YAML 2":            {"%YAML 2.0\n---\na: b", "a.yaml:1:1: is not valid YAML: found incompatible YAML document"},
		"carriage returns":  {"kind: A\rb: c\r", "a.yaml:1:1: apiVersion: is required (apiVersion: tallyman/v1)"},
		"a stray alias":     {"*a", "a.yaml:1:1: is not valid YAML: an alias (*) names an anchor that does not exist"},
		"an anchor further": {volume + "---\n&a b\n---\n*a\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			errs := loadErrors(t, tree("a.yaml", c.text), manifest.Options{})
			if c.want != "" {
				wantErrors(t, errs, c.want)
			}
		})
	}
}

func TestVeryLongThings(t *testing.T) {
	long := strings.Repeat("x", 500_000)
	for name, text := range map[string]string{
		"a name":  doc("Volume", long, ""),
		"a kind":  doc(long, "a", ""),
		"a field": doc("Service", "a", "{image: web, "+long+": b}"),
		"a tag":   doc("Service", "a", "{image: !"+long+" b}"),
	} {
		t.Run(name, func(t *testing.T) {
			for _, err := range loadErrors(t, tree("a.yaml", text), manifest.Options{}) {
				if len(err.Message) > 1000 || len(err.Hint) > 1000 || len(err.Path) > 1000 {
					t.Errorf("an error of %d characters", len(err.Error()))
				}
			}
		})
	}
}

// What might be a secret is not repeated by an error, wherever it was put by
// mistake.
func TestErrorsDoNotRepeatValues(t *testing.T) {
	const canary = "hunter2"
	for _, spec := range []string{
		"{image: web, environment: [PASSWORD=hunter2]}",
		"{image: web, environment: {PASSWORD: [hunter2]}}",
		"{image: web, environment: {PASSWORD: {secret: hunter2}}}",
		"{image: web, environment: hunter2}",
		"{image: web, environment: {PASSWORD: *hunter2}}",
		"{image: web, environment: {PASSWORD: !!int hunter2}}",
		"{image: web, command: hunter2}",
		"{image: web, command: [--password, {a: hunter2}]}",
		"{image: web, labels: {a: [hunter2]}}",
		"{image: web, logging: {driver: syslog, options: {token: [hunter2]}}}",
		"{image: web, healthCheck: {command: {a: hunter2}}}",
		"{image: web, environment: {PASSWORD: \"hunter2}}",
		"{image: web, environment: {PASSWORD: @hunter2}}",
	} {
		errs := loadErrors(t, tree("a.yaml", doc("Service", "web", spec)), manifest.Options{})
		if strings.Contains(errs.Error(), canary) {
			t.Errorf("%s\nis repeated by: %v", spec, errs)
		}
	}
	errs := loadErrors(t, tree("a.yaml", doc("Host", "a", "{endpoint: 'tcp://admin:hunter2@10.0.0.1:2376'}")), manifest.Options{})
	if strings.Contains(errs.Error(), canary) {
		t.Errorf("the endpoint is repeated by: %v", errs)
	}
}
