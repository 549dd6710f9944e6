package rule

import (
	"reflect"
	"sync"

	"github.com/tallyman-io/tallyman/manifest/shape"
)

// Plan is what rules about plans see: how much of what there is, and each change.
type Plan struct {
	Create  int `yaml:"create"`
	Update  int `yaml:"update"`
	Replace int `yaml:"replace"`
	Run     int `yaml:"run"`
	Blocked int `yaml:"blocked"`
	// Remove counts also removals that a guard holds back.
	Remove  int      `yaml:"remove"`
	Changes []Change `yaml:"changes"`
}

// Change is one thing that the plan would change.
type Change struct {
	Kind    string `yaml:"kind"` // replica, run, network, volume or image
	App     string `yaml:"app"`
	Service string `yaml:"service"` // or job
	Name    string `yaml:"name"`
	Host    string `yaml:"host"`
	Verdict string `yaml:"verdict"`
	Reason  string `yaml:"reason"`
	Removal bool   `yaml:"removal"`
}

// OfPlans is the language of rules about plans: the variable plan.
var OfPlans = sync.OnceValue(func() *Language {
	t := reflect.TypeFor[Plan]()
	return NewLanguage(shape.NewCatalog(t), map[string]reflect.Type{"plan": t})
})
