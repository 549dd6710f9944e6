package manifest

import (
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"strings"
)

// MaxServiceName bounds app and service name together, so that the name of a
// replica (app-service-slot-generation) is no longer than a host name may be.
const MaxServiceName = 63 - len("---") - len("10000") - len("7f3a91c2")

// linker checks what concerns several documents.
type linker struct {
	set    *Set
	errs   Errors
	counts map[document]int // errors by document
}

func where(d document) string {
	o := d.origin()
	return fmt.Sprintf("%s:%d:%d", o.File, o.namePlace.line, o.namePlace.col)
}

// errorAt reports, unless the document has an error about the same thing or a
// part of it already.
func (k *linker) errorAt(d document, at place, p, message string) *Error {
	err := &Error{File: d.origin().File, Line: at.line, Col: at.col, Path: p, Message: message}
	for _, known := range d.origin().wrong {
		if within(p, known) || within(known, p) {
			return err
		}
	}
	if k.counts[d]++; len(d.origin().wrong)+k.counts[d] <= maxDocumentErrors {
		k.errs = append(k.errs, err)
	}
	return err
}

func (k *linker) nameError(d document, message string) *Error {
	return k.errorAt(d, d.origin().namePlace, "metadata.name", message)
}

// defaultApp is an App document that says nothing.
func (p *parser) defaultApp() *App {
	a := &App{APIVersion: APIVersion, Kind: KindApp, Metadata: Metadata{Name: DefaultApp}}
	a.App = DefaultApp
	d := decoder{shapes: p.shapes}
	field := p.shapes[reflect.TypeFor[App]()].Field("spec")
	d.setDefault(reflect.ValueOf(a).Elem().FieldByIndex(field.Index), field)
	return a
}

// unique refuses names that two documents of a kind have, in whatever apps.
func (k *linker) unique() {
	uniqueNames(k, KindHost, k.set.Hosts)
	k.oneFleet()
	uniqueNames(k, KindPolicy, k.set.Policies)
	uniqueNames(k, KindApp, k.set.Apps)
	uniqueNames(k, KindService, k.set.Services)
	uniqueNames(k, KindJob, k.set.Jobs)
	uniqueNames(k, KindConfig, k.set.Configs)
	uniqueNames(k, KindSecret, k.set.Secrets)
	uniqueNames(k, KindNetwork, k.set.Networks)
	uniqueNames(k, KindVolume, k.set.Volumes)
	uniqueNames(k, KindImagePolicy, k.set.ImagePolicies)
	uniqueNames(k, KindNotification, k.set.Notifications)
	if k.set.unread {
		return // an App that is not known may be the one that decides
	}
	for _, s := range k.set.Services {
		k.longName(s, "service")
	}
	services := byName(k.set.Services)
	for _, j := range k.set.Jobs {
		k.longName(j, "job")
		if other := services[j.Metadata.Name]; len(other) > 0 {
			k.nameError(j, "is the name of a service; commands take both by name, so they share them").Hint = "the service is at " + where(other[0])
		}
	}
}

// oneFleet: two would say two things of the same hosts.
func (k *linker) oneFleet() {
	for _, f := range k.set.Fleets[min(1, len(k.set.Fleets)):] {
		k.nameError(f, "there is a Fleet already").Hint = "the other one is at " + where(k.set.Fleets[0])
	}
}

func (k *linker) longName(d document, kind string) {
	if n := len(d.origin().App) + len(d.name()); n > MaxServiceName {
		k.nameError(d, fmt.Sprintf("is too long: the names of app and %s together have %d characters, at most %d", kind, n, MaxServiceName))
	}
}

func uniqueNames[D document](k *linker, kind string, docs []D) {
	first := map[string]document{}
	for _, d := range docs {
		if d.name() == "" { // it has been told that it needs one
			continue
		}
		other, twice := first[d.name()]
		if !twice {
			first[d.name()] = d
			continue
		}
		message := fmt.Sprintf("%s %q exists already", kind, d.name())
		if a, b := other.origin().App, d.origin().App; a != b {
			message += fmt.Sprintf(", in app %q; names are shared by all apps", a)
		}
		k.nameError(d, message).Hint = "the other one is at " + where(other)
	}
}

// references looks up every name of another document.
func (k *linker) references() {
	index := map[string]names{
		KindService: byName(k.set.Services), KindConfig: byName(k.set.Configs),
		KindSecret: byName(k.set.Secrets), KindNetwork: byName(k.set.Networks), KindVolume: byName(k.set.Volumes),
	}
	for _, s := range appendAll(appendAll(appendAll(appendAll(nil, k.set.Services), k.set.Jobs), k.set.Notifications), k.set.ImagePolicies) {
		holders := map[string]document{} // by the path of what names them
		for _, r := range s.origin().refs {
			switch r.kind {
			case refKey:
			case refNeighbour:
				k.neighbour(s, r, index[KindService])
			default:
				holders[parent(r.path)] = k.lookUp(s, r, index[r.kind])
			}
		}
		for _, r := range s.origin().refs {
			if r.kind != refKey {
				continue
			}
			switch holder := holders[parent(r.path)].(type) {
			case *Config:
				k.configKey(s, holder, r)
			case *Secret:
				k.secretKey(s, holder, r)
			}
		}
	}
}

// neighbour looks up a service that another one would be near, or away from.
func (k *linker) neighbour(from document, r ref, services names) {
	switch {
	case r.name == from.name():
		k.errorAt(from, r.place, r.path, "names the service itself").Hint = "maxPerHost and spread keep its replicas apart"
	case len(services[r.name]) == 0 && !k.set.unread:
		k.errorAt(from, r.place, r.path, fmt.Sprintf("there is no Service %q", r.name)).Hint = didYouMean(r.name, sortedKeys(services))
	}
}

// appReferences looks up the apps that others depend on, and the secrets that
// they pull with.
func (k *linker) appReferences() {
	apps, secrets := byName(k.set.Apps), byName(k.set.Secrets)
	for _, a := range k.set.Apps {
		for _, r := range a.refs {
			if r.kind == KindSecret {
				if s, ok := k.lookUp(a, r, secrets).(*Secret); ok && strings.HasPrefix(r.path, "spec.pullSecrets") {
					k.pullSecret(a, s, r)
				}
				continue
			}
			if r.kind != KindApp || len(apps[r.name]) > 0 || k.set.unread {
				continue
			}
			k.errorAt(a, r.place, r.path, fmt.Sprintf("there is no App %q", r.name)).Hint = didYouMean(r.name, sortedKeys(apps))
		}
	}
}

// parent is the path of what the last field of p belongs to.
func parent(p string) string { return p[:max(strings.LastIndexByte(p, '.'), 0)] }

// names are the documents of a kind by name. Several of one name are an error
// that has been reported.
type names map[string][]document

func byName[D document](docs []D) names {
	m := make(names, len(docs))
	for _, d := range docs {
		m[d.name()] = append(m[d.name()], d)
	}
	return m
}

// of is the document of that name in an app, or nil.
func (n names) of(app, name string) document {
	for _, d := range n[name] {
		if d.origin().App == app {
			return d
		}
	}
	return nil
}

func (k *linker) lookUp(from document, r ref, docs names) document {
	if found := docs.of(from.origin().App, r.name); found != nil {
		return found
	}
	if k.set.unread || r.kind == KindNetwork && (r.name == DefaultNetwork || everyHostHas(r.name)) {
		return nil // what can't be read may be it, or the App that decides
	}
	err := k.errorAt(from, r.place, r.path, fmt.Sprintf("there is no %s %q in app %q", r.kind, r.name, from.origin().App))
	if others := docs[r.name]; len(others) > 0 {
		err.Hint = fmt.Sprintf("the one at %s belongs to app %q", where(others[0]), others[0].origin().App)
		return nil
	}
	var known []string
	for _, name := range sortedKeys(docs) {
		if docs.of(from.origin().App, name) != nil {
			known = append(known, name)
		}
	}
	err.Hint = didYouMean(r.name, known)
	return nil
}

func (k *linker) configKey(from document, c *Config, r ref) {
	if len(c.wrong) > 0 { // one of them may be the key
		return
	}
	_, inline := c.Spec.Data[r.name]
	if _, file := c.Spec.Files[r.name]; inline || file {
		return
	}
	keys := append(sortedKeys(c.Spec.Data), sortedKeys(c.Spec.Files)...)
	k.errorAt(from, r.place, r.path, fmt.Sprintf("config %q has no key %q", c.Metadata.Name, r.name)).Hint = didYouMean(r.name, keys)
}

// endpoints refuses two hosts that are the same engine: each would take the
// other's replicas for its own.
func (k *linker) endpoints() {
	first := map[string]*Host{}
	for _, h := range k.set.Hosts {
		if h.Spec.Endpoint == "" {
			continue
		}
		if other, twice := first[h.Spec.Endpoint]; twice {
			k.nameError(h, fmt.Sprintf("has the same endpoint as host %q", other.Metadata.Name)).Hint = "the other one is at " + where(other)
			continue
		}
		first[h.Spec.Endpoint] = h
	}
}

// contents reads the files that configs are made of.
func (k *linker) contents(l *Loader, fsys fs.FS) {
	for _, c := range k.set.Configs {
		files := map[string][]byte{}
		for _, r := range c.refs {
			data, err := l.config(fsys, path.Join(path.Dir(c.File), r.name))
			if err != nil {
				k.errorAt(c, r.place, r.path, fmt.Sprintf("file %q %v", r.name, err))
			}
			files[r.name] = data
		}
		c.contents = make(map[string][]byte, len(c.Spec.Files))
		for key, name := range c.Spec.Files {
			c.contents[key] = files[name]
		}
	}
}
