package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var followed = []ImagePolicy{
	{Name: "db", App: "shop", Image: "r.example.com/db", Current: []string{"r.example.com/db:17"}, Asked: time.Unix(940, 0)},
	{Name: "new", App: "shop", Image: "r.example.com/new", Current: []string{"r.example.com/new:1"}},
	{Name: "web", App: "shop", Image: "r.example.com/web", Current: []string{"r.example.com/web:1.4.2", "r.example.com/web:1.4.3"},
		Next: []string{"r.example.com/web:1.5.0"}, PullRequest: "https://git.example.com/acme/shop/pulls/7",
		Asked: time.Unix(940, 0), Error: "registry r.example.com denies it\x1b[31m", Since: time.Unix(880, 0)},
}

// TestAStatusSaysWhichImagesAreNotFollowed and which have no answer yet; nothing of
// those that fare well.
func TestAStatusSaysWhichImagesAreNotFollowed(t *testing.T) {
	got := statusText(t, &Status{Time: time.Unix(1000, 0), ImagePolicies: followed})
	for _, want := range []string{
		"\n\nimage policy \"web\" of app shop fails, since 2m ago\n  registry r.example.com denies it",
		"\n\nimage policies without a first answer yet: new\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwithout %q", got, want)
		}
	}
	if strings.Contains(got, "db") || strings.Contains(got, "\x1b") {
		t.Errorf("got\n%s", got)
	}
	if got := statusText(t, &Status{ImagePolicies: followed[:1]}); strings.Contains(got, "image polic") {
		t.Errorf("where all fare well it says\n%s", got)
	}
}

func TestImagesAreListed(t *testing.T) {
	s := &Status{Time: time.Unix(1000, 0), ImagePolicies: followed}
	var out bytes.Buffer
	if known, err := GetText(&out, s, "images", Style{}); !known || err != nil {
		t.Fatal(known, err)
	}
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	want := []string{
		"POLICY APP IMAGE CURRENT NEXT ASKED PULL REQUEST WHY",
		"db shop r.example.com/db 17 - 1m -",
		"new shop r.example.com/new 1 - not yet -",
		"web shop r.example.com/web 1.4.2, 1.4.3 1.5.0 1m https://git.example.com/acme/shop/pulls/7 registry r.example.com denies it[31m",
	}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", out.String())
	}
	for _, none := range []*Status{{}, s} {
		list, _ := Get(none, "images")
		data, err := json.Marshal(list)
		if err != nil || len(none.ImagePolicies) == 0 && string(data) != "[]" {
			t.Errorf("as JSON it is %s, %v", data, err)
		}
	}
}
