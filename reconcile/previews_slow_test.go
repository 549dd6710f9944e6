package reconcile

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/report"
)

// tarpit is a registry that never answers who asks for an image called slow.
type tarpit struct {
	Registries
	mu        sync.Mutex
	now, most int
}

func (p *tarpit) Digest(ctx context.Context, q ImageQuestion) (string, error) {
	if !strings.HasPrefix(q.Ref, "slow") {
		return p.Registries.Digest(ctx, q)
	}
	p.count(1)
	defer p.count(-1)
	<-ctx.Done()
	return "", ctx.Err()
}

func (p *tarpit) count(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now += n
	p.most = max(p.most, p.now)
}

// TestARegistryThatNeverAnswersHoldsUpNoOtherPreview: not one that comes with it, nor
// one that comes while it is waited for; and many such are asked a few at a time.
func TestARegistryThatNeverAnswersHoldsUpNoOtherPreview(t *testing.T) {
	registered(t, 2, func(w *world) {
		pit := &tarpit{Registries: w.registries}
		w.stop()
		w.registries = pit
		w.start()
		with := func(image string) map[string]string {
			return map[string]string{
				"hosts.yaml":    hostManifests(2),
				"shop/app.yaml": "apiVersion: tallyman/v1\nkind: App\nmetadata: {name: shop}\nspec: {previews: {max: 20, overrides: {replicas: 1}}}\n",
				"shop/web.yaml": pulled("web", image),
			}
		}
		w.branch.commit(tree(with("web:1")))
		w.converge()
		healthy := func(name string) bool {
			for _, p := range w.running.Status().Previews {
				if p.Name == name {
					return p.Health == report.Healthy
				}
			}
			return false
		}
		list := []Preview{w.pull(1, "pit-1", tree(with("slow:1"))), w.pull(2, "good", tree(with("web:2")))}
		w.running.SetPreviews(list)
		after(15 * time.Second)
		if !healthy("shop-pr-2") {
			t.Errorf("beside a registry that never answers the preview is %+v", w.preview("shop-pr-2"))
		}
		w.running.SetPreviews(append(list, w.pull(3, "later", tree(with("web:2")))))
		after(14 * time.Second)
		if !healthy("shop-pr-3") {
			t.Errorf("while a registry is waited for the new preview is %+v", w.preview("shop-pr-3"))
		}
		list = list[1:]
		for n := 4; n <= 13; n++ {
			list = append(list, w.pull(n, fmt.Sprint("pit-", n), tree(with("slow:1"))))
		}
		list = append(list, w.pull(14, "last", tree(with("web:2"))))
		w.running.SetPreviews(list)
		after(80 * time.Second) // the time of two fours that are waited for, and of what it takes to run
		if !healthy("shop-pr-14") {
			t.Errorf("behind ten that wait for a registry, again and again, the preview is %+v", w.preview("shop-pr-14"))
		}
		after(time.Minute)
		if pit.most != previewsAtOnce {
			t.Errorf("%d previews were rendered at the same time, want %d", pit.most, previewsAtOnce)
		}
		if p := w.preview("shop-pr-4"); healthy("shop-pr-4") || !strings.Contains(w.reason("shop-pr-4")+p.Reason, "deadline") {
			t.Errorf("one that can't be answered is %+v, %s", p, w.reason("shop-pr-4"))
		}
	})
}
