package rollout

import (
	"slices"
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

func digests(digest string) map[string]string { return map[string]string{"web:1": digest} }

// TestWhichDigestARevisionHas looks a moving tag up in what is remembered.
func TestWhichDigestARevisionHas(t *testing.T) {
	good := &Good{Revision: "good", Images: digests("sha256:good")}
	record := Record{Revision: "newest", Images: digests("sha256:newest")}
	for name, tc := range map[string]struct {
		standing Standing
		record   Record
		revision string
		digest   string
		of       string
	}{
		"the newest":                                {Standing{Good: good}, record, "newest", "sha256:newest", "newest"},
		"the last good one":                         {Standing{Good: good}, record, "good", "sha256:good", "good"},
		"one that nothing is known of":              {Standing{Good: good}, record, "other", "sha256:newest", "newest"},
		"the same, with no record":                  {Standing{Good: good}, Record{}, "other", "sha256:good", "good"},
		"pinned, with its digests":                  {Standing{Good: good, Pin: &Pin{Revision: "old", Images: digests("sha256:old")}}, record, "old", "sha256:old", "old"},
		"pinned, and nothing known":                 {Standing{Good: good, Pin: &Pin{Revision: "old"}}, record, "old", "", ""},
		"pinned to the last good one":               {Standing{Good: good, Pin: &Pin{Revision: "good"}}, record, "good", "sha256:good", "good"},
		"held, with its digests":                    {Standing{Hold: &Hold{To: "old", Images: digests("sha256:old")}}, record, "old", "sha256:old", "old"},
		"held, and nothing known":                   {Standing{Good: good, Hold: &Hold{To: "old"}}, record, "old", "", ""},
		"another one than it is held to":            {Standing{Good: good, Hold: &Hold{To: "old"}}, record, "other", "sha256:newest", "newest"},
		"pinned by digests that lack the reference": {Standing{Pin: &Pin{Revision: "old", Images: map[string]string{"db:1": "sha256:db"}}}, record, "old", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := State{Records: map[string]Record{"shop": tc.record}, Standings: map[string]Standing{"shop": tc.standing}}
			if digest, of := s.Image("shop", "web:1", tc.revision); digest != tc.digest || of != tc.of {
				t.Errorf("%q of %q, want %q of %q", digest, of, tc.digest, tc.of)
			}
		})
	}
}

func TestTheDigestsOfAnEarlierRollout(t *testing.T) {
	records := []Record{
		{Revision: "b", Phase: Complete, Images: digests("sha256:b")},
		{Revision: "a", Phase: Failed, Images: digests("sha256:failed")},
		{Revision: "a", Phase: Complete, Images: digests("sha256:a")},
		{Revision: "a", Phase: Complete, Images: digests("sha256:older")},
		{Revision: "c", Phase: Failed, Images: digests("sha256:c")},
		{Revision: "d", Phase: Complete},
	}
	for revision, want := range map[string]string{"a": "sha256:a", "b": "sha256:b", "c": "sha256:c", "d": "", "e": ""} {
		if got := ImagesAt(records, revision)["web:1"]; got != want {
			t.Errorf("revision %s had %q, want %q", revision, got, want)
		}
	}
}

// TestWhatAnAppIsHeldToIsNoGarbage: its image may be wanted at any moment.
func TestWhatAnAppIsHeldToIsNoGarbage(t *testing.T) {
	s := State{Standings: map[string]Standing{"shop": {
		Pin: &Pin{Images: digests("sha256:pin")}, Hold: &Hold{Images: digests("sha256:hold")},
		Images: &Images{Seen: []string{"web:1@sha256:hold", "web:1@sha256:other", "web:1@sha256:pin"}},
	}}}
	if got := s.Garbage(&model.Desired{}); !slices.Equal(got, []string{"web:1@sha256:other"}) {
		t.Errorf("garbage is %v", got)
	}
}
