package manifest_test

import (
	"testing"

	"github.com/tallyman-io/tallyman/manifest"
)

// TestANotificationHasItsSecretBesideIt: what holds a token is a key of a Secret of
// the same app, and every mistake has its place.
func TestANotificationHasItsSecretBesideIt(t *testing.T) {
	hub := doc("Secret", "hub", "{age: {url: "+armored+"}}")
	set := load(t, tree("a.yaml", docs(hub, doc("Notification", "chat", "{url: {secret: hub, key: url}, apps: ['shop*']}"))))
	if len(set.Notifications) != 1 || set.Notifications[0].App != manifest.DefaultApp {
		t.Fatalf("got %+v", set.Notifications)
	}
	for spec, want := range map[string]string{
		"{url: {secret: hubb, key: url}}":                                                `a.yaml:1:92: spec.url.secret: there is no Secret "hubb" in app "default" (did you mean hub?)`,
		"{url: {secret: hub, key: token}}":                                               `a.yaml:1:102: spec.url.key: secret "hub" has no key "token"`,
		"{url: 'slack://hook:secret@webhook'}":                                           `a.yaml:1:83: spec.url: must be a mapping, got a text`,
		"{}":                                                                             `a.yaml:1:77: spec: must have exactly one of url, webhook`,
		"{url: {secret: hub, key: url}, events: [done]}":                                 `a.yaml:1:117: spec.events[0]: must be succeeded, failed, rolledBack, held, refused, degraded or recovered, got "done"`,
		"{url: {secret: hub, key: url}, apps: ['S?']}":                                   `a.yaml:1:115: spec.apps[0]: must be the name of an app, in which * stands for any part of it, got "S?"`,
		"{url: {secret: hub, key: url}, template: '{{.Ap}}'}":                            `a.yaml:1:118: spec.template: has no .Ap: there are .Event, .App, .Revision, .Subject, .Author, .Text, .Owner`,
		"{webhook: {url: 'http://example.com', secret: {secret: hub, key: url}}}":        `a.yaml:1:93: spec.webhook.url: must be an https:// URL, without user and password; http:// goes to localhost only`,
		"{webhook: {url: 'https://ada:pw@example.com/', secret: {secret: hub, key: x}}}": `a.yaml:1:93: spec.webhook.url: must be an https:// URL, without user and password; http:// goes to localhost only`,
		"{webhook: {url: 'https://example.com'}}":                                        `a.yaml:1:87: spec.webhook.secret: is required`,
	} {
		errs := loadErrors(t, tree("a.yaml", doc("Notification", "chat", spec), "b.yaml", hub), manifest.Options{})
		if got := errs[0].Error(); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", spec, got, want)
		}
	}
}
