package rollout

import (
	"slices"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestWhatIsHeldIsPulledWithThePasswordOfToday: the one of then may be no good
// any more, and the branch may have none for the registry of then.
func TestWhatIsHeldIsPulledWithThePasswordOfToday(t *testing.T) {
	then := model.SecretRef{Secret: "hub", Key: "config.json", Digest: "then"}
	today := model.SecretRef{Secret: "hub", Key: "config.json", Digest: "today"}
	for name, c := range map[string]struct{ target, rendered, want []model.SecretRef }{
		"another password": {[]model.SecretRef{today}, []model.SecretRef{then}, []model.SecretRef{today, then}},
		"the same":         {[]model.SecretRef{today}, []model.SecretRef{today}, []model.SecretRef{today}},
		"none any more":    {nil, []model.SecretRef{then}, []model.SecretRef{then}},
		"a first one":      {[]model.SecretRef{today}, nil, []model.SecretRef{today}},
	} {
		rendered := model.App{Name: "shop", Digest: "a", Revision: "1", PullSecrets: c.rendered}
		choice := Choose(ChooseInput{
			Target: &model.Desired{
				Apps:  []model.App{{Name: "shop", Digest: "b", Revision: "2", Sync: model.DefaultSync(), PullSecrets: c.target}},
				Blobs: model.Blobs{"today": []byte("2")},
			},
			Renderings: map[Rendering]Rendered{{"shop", "1"}: {App: &rendered, Blobs: model.Blobs{"then": []byte("1")}}},
			State:      State{Standings: map[string]Standing{"shop": {Pin: &Pin{Revision: "1"}}}}, Now: time.Unix(0, 0),
		})
		if got := choice.Desired.Apps[0].PullSecrets; !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		if _, err := choice.Desired.Blobs.Unseal(c.want); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(rendered.PullSecrets, c.rendered) {
			t.Errorf("%s: the input was changed", name)
		}
	}
}
