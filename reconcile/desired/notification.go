package desired

import (
	"fmt"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// notifications are those of all apps, by name.
func (b *builder) notifications(declared []*manifest.Notification) ([]model.Notification, error) {
	var out []model.Notification
	for _, n := range declared {
		made := model.Notification{
			Name: n.Metadata.Name, Events: sorted(n.Spec.Events), Apps: sorted(n.Spec.Apps), Template: n.Spec.Template,
		}
		key := n.Spec.URL
		if hook := n.Spec.Webhook; hook != nil {
			made.Webhook, key = hook.URL, &hook.Secret
		}
		digest, err := b.sealed(key.Secret, key.Key)
		if err != nil {
			return nil, fmt.Errorf("build notification %q: %w", made.Name, err)
		}
		made.Secret = model.SecretRef{Secret: key.Secret, Key: key.Key, Digest: digest}
		out = append(out, made)
	}
	return out, nil
}
