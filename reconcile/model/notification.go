package model

// Notification is somebody who is told what becomes of commits.
type Notification struct {
	Name string `json:"name"`
	// Webhook is the server that messages are posted to, signed with Secret;
	// without one Secret is the URL that says all of it.
	Webhook string    `json:"webhook,omitempty"`
	Secret  SecretRef `json:"secret"`
	// Events and Apps are what of it is told; none is all of them.
	Events   []string `json:"events,omitempty"`
	Apps     []string `json:"apps,omitempty"`
	Template string   `json:"template,omitempty"`
}
