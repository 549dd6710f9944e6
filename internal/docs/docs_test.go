package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestEveryDependencyIsExplained holds DEPENDENCIES.md to the direct
// dependencies in go.mod, in both directions.
func TestEveryDependencyIsExplained(t *testing.T) {
	direct := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(read(t, "../../go.mod"), -1) {
		direct[m[1]] = true
	}
	if len(direct) < 5 {
		t.Fatalf("found only %v in go.mod", direct)
	}
	explained := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\S+\.\S+/\S+) `).FindAllStringSubmatch(read(t, "../../docs/DEPENDENCIES.md"), -1) {
		module := m[1]
		for !direct[module] && strings.Contains(module, "/") {
			module = module[:strings.LastIndex(module, "/")] // a package of it is named
		}
		if !direct[module] {
			t.Errorf("DEPENDENCIES.md explains %s, which is no direct dependency", m[1])
		}
		explained[module] = true
	}
	for module := range direct {
		if !explained[module] {
			t.Errorf("DEPENDENCIES.md does not say what %s is for, why this one, and what it costs", module)
		}
	}
}

// TestLinksLeadSomewhere follows the links between documents, also to their
// headings.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../examples/*/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no documents match %s: %v", pattern, err)
		}
		for _, file := range files {
			for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
				if !strings.Contains(m[1], "://") && !leads(t, file, m[1]) {
					t.Errorf("%s: the link to %s leads nowhere", file, m[1])
				}
			}
		}
	}
}

func leads(t *testing.T, file, link string) bool {
	t.Helper()
	path, anchor, _ := strings.Cut(link, "#")
	target := file
	if path != "" {
		target = filepath.Join(filepath.Dir(file), path)
	}
	if _, err := os.Stat(target); err != nil {
		return false
	}
	if anchor == "" {
		return true
	}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(read(t, target), -1) {
		if anchorOf(m[1]) == anchor {
			return true
		}
	}
	return false
}

// anchorOf is the name under which a heading can be linked to.
func anchorOf(heading string) string {
	kept := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading), "")
	return strings.ReplaceAll(kept, " ", "-")
}
