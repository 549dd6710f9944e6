package model

import (
	"strings"
	"testing"
)

func TestScrub(t *testing.T) {
	key := "-----BEGIN KEY-----\n  bm90IGEga2V5\n-----END KEY-----\n"
	for name, tc := range map[string]struct {
		text   string
		values []string
		want   string
	}{
		"a value":                    {"no user hush-1 here: hush-1", []string{"hush-1"}, "no user *** here: ***"},
		"a line of a value":          {"bad line: bm90IGEga2V5.", []string{key}, "bad line: ***."},
		"a value in quotes":          {`starting: "a\tb\"c"`, []string{"a\tb\"c"}, `starting: "***"`},
		"a value that holds another": {"hush-1-and-more, hush-1", []string{"hush-1", "hush-1-and-more"}, "***, ***"},
		"what is too short to be told from other words": {"no one", []string{"no", ""}, "no one"},
		"nothing": {"", []string{"hush-1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Scrub(tc.text, tc.values); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
	if got := Scrub("key: "+key, []string{key}); strings.Contains(got, "bm90") {
		t.Errorf("a whole value is left: %q", got)
	}
}
