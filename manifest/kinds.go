package manifest

import (
	"reflect"
	"sync"

	"github.com/tallyman-io/tallyman/manifest/shape"
)

// APIVersion is the only version there is.
const APIVersion = "tallyman/v1"

// DefaultNetwork is the network of services that name none.
const DefaultNetwork = "default"

// DefaultApp is the app of what no App document owns.
const DefaultApp = "default"

// The kinds of manifest.
const (
	KindHost         = "Host"
	KindFleet        = "Fleet"
	KindPolicy       = "Policy"
	KindApp          = "App"
	KindService      = "Service"
	KindJob          = "Job"
	KindConfig       = "Config"
	KindSecret       = "Secret"
	KindNetwork      = "Network"
	KindVolume       = "Volume"
	KindImagePolicy  = "ImagePolicy"
	KindNotification = "Notification"
)

// Origin says where a document stands and what it belongs to.
type Origin struct {
	File      string `yaml:"-"`
	Line, Col int    `yaml:"-"`
	// App is the app that owns the document; empty for a Host, a Fleet and a Policy.
	App string `yaml:"-"`

	wrong     []string // the paths of its errors: only a part of the document is known
	doubts    Errors
	namePlace place
	refs      []ref
}

func (o *Origin) origin() *Origin { return o }

// Owner is the app that owns the document; "" when none does.
func (o *Origin) Owner() string { return o.App }

// place is a position in a file.
type place struct{ line, col int }

// ref is a value that names another document, or a key of one.
type ref struct {
	kind, name string
	path       string
	place      place
}

// What a ref may name besides documents of its app: a key of the Config or Secret
// beside it, a file of the tree, and a Service of any app. An expression of a
// policy names fields of other documents.
const (
	refKey       = "key"
	refFile      = "file"
	refNeighbour = "neighbour"
	refRule      = "rule"
)

// document is what all kinds have in common.
type document interface {
	origin() *Origin
	name() string
}

// Metadata names a document.
type Metadata struct {
	// The name, unique among all documents of its kind in the repository.
	Name string `yaml:"name" check:"required,format=name"`
	// Labels of the document, for people and for selecting. Those of a Host
	// are what placement constraints look at. They do not reach a container:
	// that is spec.labels of a Service.
	Labels map[string]string `yaml:"labels,omitempty" check:"keys=labelKey"`
}

// Kind describes one kind of manifest.
type Kind struct {
	Name string
	Type reflect.Type
}

// Kinds are the kinds that are understood, in the order of the reference.
func Kinds() []Kind {
	return []Kind{
		{KindHost, reflect.TypeFor[Host]()},
		{KindFleet, reflect.TypeFor[Fleet]()},
		{KindPolicy, reflect.TypeFor[Policy]()},
		{KindApp, reflect.TypeFor[App]()},
		{KindService, reflect.TypeFor[Service]()},
		{KindJob, reflect.TypeFor[Job]()},
		{KindConfig, reflect.TypeFor[Config]()},
		{KindSecret, reflect.TypeFor[Secret]()},
		{KindNetwork, reflect.TypeFor[Network]()},
		{KindVolume, reflect.TypeFor[Volume]()},
		{KindImagePolicy, reflect.TypeFor[ImagePolicy]()},
		{KindNotification, reflect.TypeFor[Notification]()},
	}
}

// reservedKinds come with later versions.
func reservedKinds() []string { return nil }

// Shapes is what the tags of all kinds say, for the decoder and for whoever
// writes the same rules down in another form. Nobody changes it.
var Shapes = sync.OnceValue(func() shape.Catalog {
	types := []reflect.Type{reflect.TypeFor[SecretKey]()} // below a union
	for _, k := range Kinds() {
		types = append(types, k.Type)
	}
	return shape.NewCatalog(types...)
})
