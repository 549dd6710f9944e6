package manifest

import "github.com/tallyman-io/tallyman/internal/message"

// Notification says who is told what becomes of commits. Whoever can't be told
// keeps no rollout from anything: `tallyman status` says so.
type Notification struct {
	Origin     `yaml:"-"`
	APIVersion string           `yaml:"apiVersion" check:"required,enum=tallyman/v1"`
	Kind       string           `yaml:"kind" check:"required,enum=Notification"`
	Metadata   Metadata         `yaml:"metadata" check:"required"`
	Spec       NotificationSpec `yaml:"spec" check:"required"`
}

func (n *Notification) name() string { return n.Metadata.Name }

// NotificationSpec is where to tell it, and what of it: url or webhook.
type NotificationSpec struct {
	_ struct{} `exactlyOne:"url,webhook"`
	// A key of a Secret of the same app whose value is a URL as shoutrrr has it:
	// `slack://…`, `discord://…`, `telegram://…`, `smtp://…` and so on.
	URL *SecretKey `yaml:"url,omitempty"`
	// A server that takes signed messages.
	Webhook *Webhook `yaml:"webhook,omitempty"`
	// Which events are told of; without it all.
	Events []string `yaml:"events,omitempty" check:"unique,enum=succeeded|failed|rolledBack|held|refused|degraded|recovered" aka:"on"`
	// Of which apps, of any folder; `*` stands for any characters. Without it all.
	// That a whole commit is refused is about all of them.
	Apps []string `yaml:"apps,omitempty" check:"unique,format=appPattern"`
	// The message, as a Go template of fields such as `{{.App}}`; without it one
	// line.
	Template string `yaml:"template,omitempty"`
}

// Webhook is a server that takes signed messages.
type Webhook struct {
	// Where they are posted to. It is readable in Git: no place for a token.
	URL string `yaml:"url" check:"required,format=webhook"`
	// The key of a Secret of the same app with which they are signed.
	Secret SecretKey `yaml:"secret" check:"required"`
}

func (s *NotificationSpec) check(c *context) {
	if s.Template == "" {
		return
	}
	if _, err := message.Parse(s.Template); err != nil {
		c.at("template").errorf("%v", err)
	}
}
