package proposal

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/manifest"
)

// settings tells of documents that say how things are dealt with. Those of an app
// that comes or goes are no change of it.
func (in *Input) settings() []Warning {
	was, is := byName(in.Base.Set), byName(in.Merged.Set)
	var out []Warning
	for _, key := range keysOf(was, is) {
		before, after := was[key], is[key]
		doc := after
		if doc.Name == "" {
			doc = before
		}
		fields := differences(before.Fields, after.Fields)
		kind, text := told(doc.Kind, before.Name != "", after.Name != "")
		if kind == "" || len(fields) == 0 {
			continue
		}
		w := Warning{Kind: kind, Thing: strings.ToLower(doc.Kind) + " " + doc.Name, Text: text, Fields: fields, Where: where(after)}
		if doc.Kind == manifest.KindApp {
			w.App = doc.Name
		}
		out = append(out, w)
	}
	return out
}

// told is how a document is told of that is in the base, in the merge, or both.
func told(kind string, was, is bool) (warning, text string) {
	switch {
	case kind == manifest.KindHost && was && is:
		return WarnHostChanged, "is dealt with otherwise"
	case kind == manifest.KindHost && is:
		return WarnHostAdded, "is new: replicas may be placed there, with what they need of secrets"
	case kind == manifest.KindHost:
		return WarnHostRemoved, "goes: what runs there has to leave"
	case was && is:
		return WarnSettings, "has other settings"
	case kind == manifest.KindApp:
		return "", ""
	case kind == manifest.KindPolicy && was:
		return WarnSettings, "goes: nobody holds to it any more"
	case kind == manifest.KindImagePolicy && is:
		return WarnSettings, "is new: newer images come without a person's commit"
	case kind == manifest.KindImagePolicy:
		return WarnSettings, "goes: nobody follows the image any more"
	case is:
		return WarnSettings, "is new"
	}
	return WarnSettings, "goes: the defaults count again"
}

func where(s manifest.Setting) string {
	if s.File == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

func byName(set *manifest.Set) map[string]manifest.Setting {
	out := map[string]manifest.Setting{}
	for _, s := range set.Settings() {
		out[s.Kind+" "+s.Name] = s
	}
	return out
}

func keysOf[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}

func differences(from, to map[string]string) []Field {
	var out []Field
	for _, path := range keysOf(from, to) {
		if from[path] != to[path] {
			out = append(out, Field{path, masked(from[path]), masked(to[path])})
		}
	}
	return out
}

// masked has no password of an address in it.
func masked(value string) string {
	if !strings.Contains(value, "://") {
		return value
	}
	u, err := url.Parse(value)
	if err != nil {
		return "(an address that can't be read)"
	}
	return u.Redacted()
}

// secrets tells of those that are new, have gone, or were written anew.
func (in *Input) secrets() []Warning {
	was, is := secretsOf(in.Base.Set), secretsOf(in.Merged.Set)
	var out []Warning
	for _, name := range keysOf(was, is) {
		before, after := was[name], is[name]
		var keys []string
		for _, key := range keysOf(before.values, after.values) {
			if before.values[key] != after.values[key] {
				keys = append(keys, key)
			}
		}
		if len(keys) == 0 {
			continue
		}
		text := "is written anew"
		switch {
		case before.values == nil:
			text = "is new"
		case after.values == nil:
			text = "goes"
		}
		w := Warning{Kind: WarnSecret, App: after.app, Thing: "secret " + name, Text: text + ", with " + strings.Join(keys, ", ") + "; the values stay closed"}
		if after.app == "" {
			w.App = before.app
		}
		out = append(out, w)
	}
	return out
}

type secret struct {
	app    string
	values map[string]string // encrypted
}

func secretsOf(set *manifest.Set) map[string]secret {
	out := map[string]secret{}
	for _, s := range set.Secrets {
		out[s.Metadata.Name] = secret{s.App, s.Ciphertexts()}
	}
	return out
}
