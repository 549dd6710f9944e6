package desired_test

import (
	"testing"

	"github.com/tallyman-io/tallyman/reconcile/desired"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

// TestWhoIsToldIsNoPartOfAnApp: to tell others is no rollout, and what they are
// reached with is in the blobs only.
func TestWhoIsToldIsNoPartOfAnApp(t *testing.T) {
	service := doc("Service", "web", "{image: web}")
	hub := sealedDoc("db", "url", "tls.key", "binary")
	without := buildFor(t, withSecrets(), hub, service)
	with := buildFor(t, withSecrets(), hub, service,
		doc("Notification", "chat", "{url: {secret: db, key: url}, events: [failed], apps: ['shop*']}"),
		doc("Notification", "hook", "{webhook: {url: 'https://example.com', secret: {secret: db, key: tls.key}}}"))
	if without.Apps[0].Digest != with.Apps[0].Digest {
		t.Error("to tell others is another rendering of the app")
	}
	if len(with.Notifications) != 2 || with.Notifications[0].Events[0] != "failed" || with.Notifications[1].Webhook != "https://example.com" {
		t.Fatalf("got %+v", with.Notifications)
	}
	for i, want := range []string{"postgres://", "a key"} {
		if got := with.Blobs[with.Notifications[i].Secret.Digest]; string(got) != want {
			t.Errorf("%s is reached with %q, want %q", with.Notifications[i].Name, got, want)
		}
	}
	set := load(t, hub, doc("Notification", "chat", "{url: {secret: db, key: url}}"))
	opts := options
	opts.Secrets = desired.Secrets{}
	if d, err := desired.Build(set, opts); err != nil || d.Notifications[0].Secret != (model.SecretRef{Secret: "db", Key: "url"}) {
		t.Errorf("without values: %+v, %v", d.Notifications, err)
	}
}
