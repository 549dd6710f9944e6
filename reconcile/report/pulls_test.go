package report

import (
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func pullingStatus(done, total int64) *Status {
	return &Status{Hosts: []Host{
		{Name: "edge-1", Reachable: true, Pulls: []model.Pull{{Image: "web:1.4@sha256:7f3a91c2abcdef00", Done: done, Total: total}}},
		{Name: "edge-2", Reachable: true},
	}}
}

func TestAPullIsToldWithHowFarItHasCome(t *testing.T) {
	for want, s := range map[string]*Status{
		"pulling web:1.4@7f3a91c2abcd on edge-1":                   pullingStatus(0, 0),
		"pulling web:1.4@7f3a91c2abcd on edge-1: 0 MB of 80 MB":    pullingStatus(0, 80_000_000),
		"pulling web:1.4@7f3a91c2abcd on edge-1: 1 MB of 80 MB":    pullingStatus(1, 80_000_000),
		"pulling web:1.4@7f3a91c2abcd on edge-1: 34 MB of 80 MB":   pullingStatus(34_000_000, 80_000_000),
		"pulling web:1.4@7f3a91c2abcd on edge-1: 2 MB of 1235 MB":  pullingStatus(1_600_000, 1_234_567_890),
		"pulling web:1.4@7f3a91c2abcd on edge-1: 80 MB of 80 MB":   pullingStatus(80_000_000, 80_000_000),
		"pulling web:1.4@7f3a91c2abcd on edge-1: 12 MB of 1000 MB": pullingStatus(12_000_000, 1_000_000_000),
	} {
		if got := strings.Join(pullTexts(s), "\n"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		var text strings.Builder
		if err := StatusText(&text, s, Style{}); err != nil || !strings.Contains(text.String(), want+"\n") {
			t.Errorf("the status does not say %q: %v\n%s", want, err, text.String())
		}
	}
}

func TestPlainLinesTellOfAPullNowAndThen(t *testing.T) {
	var out strings.Builder
	p := NewProgress(&out, Style{})
	if err := p.Show(pullingStatus(0, 0)); err != nil {
		t.Fatal(err)
	}
	for done := range int64(101) {
		if err := p.Show(pullingStatus(done*1_000_000, 100_000_000)); err != nil {
			t.Fatal(err)
		}
	}
	const name = "pulling web:1.4@7f3a91c2abcd on edge-1"
	want := strings.Join([]string{name, name + ": 0 MB of 100 MB", name + ": 25 MB of 100 MB", name + ": 50 MB of 100 MB",
		name + ": 75 MB of 100 MB", name + ": 100 MB of 100 MB", ""}, "\n")
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestATerminalShowsPullsBelowTheServices(t *testing.T) {
	var out strings.Builder
	if err := NewProgress(&out, Style{Width: 60}).Show(pullingStatus(34_000_000, 80_000_000)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "pulling web:1.4@7f3a91c2abcd on edge-1: 34 MB of 80 MB\n") {
		t.Errorf("got %q", out.String())
	}
}
