package reconcile

import "github.com/tallyman-io/tallyman/reconcile/model"

// FoldPods makes each pod of ours one container, which is what all that decides
// and reports deals in. Hosts are observed, remembered and watched container by
// container.
func FoldPods(live *model.Live, owner string, known func(id string) bool) {
	owned := func(c *model.Container) bool { return c.OwnedBy(owner, known) }
	for i := range live.Hosts {
		live.Hosts[i] = model.FoldPods(live.Hosts[i], owned)
	}
}
