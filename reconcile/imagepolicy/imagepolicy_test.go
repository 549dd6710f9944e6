package imagepolicy

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func tags(list string) []Version {
	var out []Version
	for _, tag := range strings.Fields(list) {
		out = append(out, Version{Tag: tag})
	}
	return out
}

func TestChoose(t *testing.T) {
	upTo2 := Follow{Semver: ">=1.4 <2"}
	builds := Follow{Pattern: `^main-[0-9a-f]+-(?P<ts>[0-9]+)$`, Order: Numeric}
	for name, tc := range map[string]struct {
		follow                       Follow
		offered, current, held, want string
	}{
		"the newest in the range":              {upTo2, "1.3.9 1.4.2 1.10.0 1.9.9 2.0.0", "1.4.2", "", "1.10.0"},
		"nothing newer":                        {upTo2, "1.4.1 1.4.2", "1.4.2", "", ""},
		"never back":                           {upTo2, "1.4.1 1.4.2", "1.5.0", "", ""},
		"never back into the range":            {upTo2, "1.4.1 1.9.0", "3.0.0", "", ""},
		"no prerelease":                        {upTo2, "1.5.0-rc.1 1.4.2", "1.4.2", "", ""},
		"a prerelease where the range has one": {Follow{Semver: ">=1.4.0-0 <2"}, "1.5.0-rc.1 1.5.0-rc.2 1.4.2", "1.4.2", "", "1.5.0-rc.2"},
		"names that move are no versions":      {upTo2, "1 1.9 latest 1.4.3", "1.4.2", "", "1.4.3"},
		"from a name that moves":               {upTo2, "1.4.0 1.4.3", "1.4", "", "1.4.3"},
		"from a tag that is no version":        {upTo2, "1.4.0 1.4.3 latest", "latest", "", "1.4.3"},
		"from no tag":                          {upTo2, "1.4.0", "", "", "1.4.0"},
		"as the current one is written":        {upTo2, "1.4.3 v1.4.3", "v1.4.2", "", "v1.4.3"},
		"as the current one is written, too":   {upTo2, "v1.4.3 1.4.3", "1.4.2", "", "1.4.3"},
		"not what was gone back from":          {upTo2, "1.4.2 1.5.0", "1.4.2", "1.5.0", ""},
		"nor what is older than that":          {upTo2, "1.4.2 1.4.9 1.5.0", "1.4.2", "1.5.0", ""},
		"what is newer than that":              {upTo2, "1.4.2 1.5.0 1.5.1", "1.4.2", "1.5.0", "1.5.1"},
		"what was held before the range moved": {upTo2, "1.4.2 1.4.9", "1.4.2", "2.3.0", "1.4.9"},
		"builds by their number":               {builds, "main-abc-9 main-ffe-10 main-0-2 other", "main-abc-9", "", "main-ffe-10"},
		"numbers of any length":                {builds, "main-a-99999999999999999999998 main-a-99999999999999999999999", "main-a-1", "", "main-a-99999999999999999999999"},
		"zeros before a number":                {builds, "main-a-009 main-a-10", "main-a-9", "", "main-a-10"},
		"a build that was gone back from":      {builds, "main-a-9 main-b-10", "main-a-9", "main-b-10", ""},
		"dates with dots":                      {Follow{Pattern: `^\d+\.\d+\.\d+$`, Order: Numeric}, "26.9.1 26.10.1", "26.9.1", "", "26.10.1"},
		"what is no number is not chosen":      {Follow{Pattern: `^main-(.*)$`, Order: Numeric}, "main-x main-3", "main-2", "", "main-3"},
		"by the alphabet":                      {Follow{Pattern: `^r-(.*)$`, Order: Alphabetic}, "r-a r-c r-b x-z", "r-a", "", "r-c"},
		"nothing at all":                       {upTo2, "", "1.4.2", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			rule, err := Parse(tc.follow)
			if err != nil {
				t.Fatal(err)
			}
			offered := tags(tc.offered)
			for range 5 { // the order of the answer does not count
				rand.Shuffle(len(offered), func(i, j int) { offered[i], offered[j] = offered[j], offered[i] })
				got, ok := rule.Choose(offered, Version{Tag: tc.current}, tags(tc.held))
				if got.Tag != tc.want || ok != (tc.want != "") {
					t.Fatalf("of %v after %q it chose %q, %v; want %q", offered, tc.current, got.Tag, ok, tc.want)
				}
			}
		})
	}
}

func TestTheDigestOfATag(t *testing.T) {
	rule, err := Parse(Follow{DigestOf: "stable"})
	if err != nil || rule.DigestOf() != "stable" {
		t.Fatal(rule, err)
	}
	a, b, other := Version{"stable", "sha256:a"}, Version{"stable", "sha256:b"}, Version{"edge", "sha256:c"}
	for name, tc := range map[string]struct {
		offered, held []Version
		current, want Version
	}{
		"it moved":               {[]Version{other, b}, nil, a, b},
		"it did not":             {[]Version{a}, nil, a, Version{}},
		"it was not pinned":      {[]Version{a}, nil, Version{Tag: "stable"}, a},
		"from another tag":       {[]Version{a}, nil, other, a},
		"back to an earlier one": {[]Version{a}, nil, b, a},
		"gone back from":         {[]Version{b}, []Version{b}, a, Version{}},
		"no answer":              {nil, nil, a, Version{}},
	} {
		if got, ok := rule.Choose(tc.offered, tc.current, tc.held); got != tc.want || ok != (tc.want != Version{}) {
			t.Errorf("%s: %v, %v; want %v", name, got, ok, tc.want)
		}
	}
}

func TestRulesThatSayNothing(t *testing.T) {
	for _, f := range []Follow{{}, {Semver: "one to two"}, {Pattern: "(["}, {Pattern: "(a)(b)"}, {Pattern: "(?P<a>.)(?P<b>.)"}} {
		if rule, err := Parse(f); err == nil {
			t.Errorf("%+v is %+v", f, rule)
		}
	}
	if _, err := Parse(Follow{Pattern: "(a)(?P<b>.)"}); err != nil {
		t.Errorf("one named group beside others: %v", err)
	}
}

func TestSplit(t *testing.T) {
	for ref, want := range map[string]struct {
		image string
		v     Version
	}{
		"web":                           {"web", Version{}},
		"web:1":                         {"web", Version{Tag: "1"}},
		"localhost:5000/a/web":          {"localhost:5000/a/web", Version{}},
		"localhost:5000/a/web:1":        {"localhost:5000/a/web", Version{Tag: "1"}},
		"r.example.com/web:1@sha256:ab": {"r.example.com/web", Version{"1", "sha256:ab"}},
		"web@sha256:ab":                 {"web", Version{Digest: "sha256:ab"}},
	} {
		image, v := Split(ref)
		if image != want.image || v != want.v {
			t.Errorf("%s is %q, %+v", ref, image, v)
		}
		if again := v.Of(image); again != ref {
			t.Errorf("%s is written %s", ref, again)
		}
	}
}
