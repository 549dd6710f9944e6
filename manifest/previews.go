package manifest

// Previews says which pull requests run beside the app, as apps of their own: a
// labelled one runs as `shop-pr-42` at its newest commit, with its own networks
// and volumes, until it is closed, merged or unlabelled, or its time is over.
// Then all of it goes, its volumes included.
type Previews struct {
	// The label that a pull request has to have. Whoever may label lets the
	// pull request's code run on your hosts.
	Label string `yaml:"label" check:"format=text" default:"preview"`
	// How long a preview stays without a new commit of its pull request.
	TTL Duration `yaml:"ttl" check:"min=1m,max=8760h" default:"72h"`
	// How many run at a time; further ones wait until one has gone.
	Max int `yaml:"max" check:"min=1,max=1000" default:"10"`
	// A comparison that a host must satisfy to get any of it, besides those of
	// the services, such as `host.labels.for == previews`.
	Hosts Constraint `yaml:"hosts,omitempty"`
	// What is otherwise than in the pull request.
	Overrides PreviewOverrides `yaml:"overrides,omitempty"`
	// Secrets of this app that previews get. A pull request that uses any other
	// one is refused: whoever writes it could read it.
	Secrets []string `yaml:"secrets,omitempty" aka:"previewSecrets" check:"unique,format=name,ref=Secret"`
}

// PreviewOverrides is what previews have otherwise.
type PreviewOverrides struct {
	// How many replicas each service has, whatever the pull request says; one of
	// mode global has so many as well. Without it, those of the pull request.
	Replicas *int `yaml:"replicas,omitempty" check:"min=0,max=100"`
}
