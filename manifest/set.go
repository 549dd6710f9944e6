package manifest

import (
	"io/fs"
	"maps"
	"path"
	"slices"
	"sort"
)

// Set is every document of a tree. The slices are sorted by name, and names
// are unique within a kind. Nobody changes the documents: they are shared with
// the Loader that made them.
type Set struct {
	Hosts         []*Host
	Fleets        []*Fleet // one at most
	Policies      []*Policy
	Apps          []*App // also "default", when something belongs to it
	Services      []*Service
	Jobs          []*Job
	Configs       []*Config
	Secrets       []*Secret
	Networks      []*Network
	Volumes       []*Volume
	ImagePolicies []*ImagePolicy

	Notifications []*Notification

	documents int
	sops      []string // files of the tree that are no manifests, but data that SOPS encrypted
	unread    bool     // there may be documents of which nothing is known
}

// add puts a copy of a document into the set.
func (s *Set) add(doc document, file string) {
	s.documents++
	switch d := doc.(type) {
	case *Host:
		s.Hosts = append(s.Hosts, placed(d, file))
	case *Fleet:
		s.Fleets = append(s.Fleets, placed(d, file))
	case *Policy:
		s.Policies = append(s.Policies, placed(d, file))
	case *App:
		s.Apps = append(s.Apps, placed(d, file))
	case *Service:
		s.Services = append(s.Services, placed(d, file))
	case *Job:
		s.Jobs = append(s.Jobs, placed(d, file))
	case *Config:
		s.Configs = append(s.Configs, placed(d, file))
	case *Secret:
		s.Secrets = append(s.Secrets, placed(d, file))
	case *Network:
		s.Networks = append(s.Networks, placed(d, file))
	case *Volume:
		s.Volumes = append(s.Volumes, placed(d, file))
	case *ImagePolicy:
		s.ImagePolicies = append(s.ImagePolicies, placed(d, file))
	case *Notification:
		s.Notifications = append(s.Notifications, placed(d, file))
	}
}

// placed is a shallow copy that knows its file.
func placed[T any, P interface {
	*T
	document
}](doc *T, file string) *T {
	clone := *doc
	P(&clone).origin().File = file
	return &clone
}

// owned are all documents that belong to an app.
func (s *Set) owned() []document {
	var all []document
	all = appendAll(all, s.Services)
	all = appendAll(all, s.Jobs)
	all = appendAll(all, s.Configs)
	all = appendAll(all, s.Secrets)
	all = appendAll(all, s.Networks)
	all = appendAll(all, s.Volumes)
	all = appendAll(all, s.ImagePolicies)
	return appendAll(all, s.Notifications)
}

// unowned are all documents that belong to no app.
func (s *Set) unowned() []document {
	return appendAll(appendAll(appendAll(nil, s.Hosts), s.Fleets), s.Policies)
}

// Unowned are the files that hold documents which belong to no app, in no order.
func (s *Set) Unowned() []string {
	var files []string
	for _, d := range s.unowned() {
		files = append(files, d.origin().File)
	}
	return files
}

// Doubts are what can be done and is hardly meant, by place. Nothing is refused
// for them: what is in a repository today may become doubtful in a later version.
func (s *Set) Doubts() Errors {
	var doubts Errors
	for _, d := range s.owned() {
		for _, doubt := range d.origin().doubts {
			there := *doubt
			there.File = d.origin().File
			doubts = append(doubts, &there)
		}
	}
	sort.SliceStable(doubts, func(i, j int) bool { return doubts[i].before(doubts[j]) })
	return doubts
}

// FilesOf are the files that hold documents of an app, and those that these
// include; sorted, each once.
func (s *Set) FilesOf(app string) []string {
	files := map[string]bool{}
	for _, d := range s.owned() {
		o := d.origin()
		if o.App != app {
			continue
		}
		files[o.File] = true
		for _, r := range o.refs {
			if r.kind == refFile {
				files[path.Join(path.Dir(o.File), r.name)] = true
			}
		}
	}
	for _, a := range s.Apps {
		if a.Metadata.Name == app && a.File != "" {
			files[a.File] = true
		}
	}
	return sortedKeys(files)
}

func appendAll[D document](all []document, docs []D) []document {
	for _, d := range docs {
		all = append(all, d)
	}
	return all
}

func (s *Set) sort() {
	sortByName(s.Hosts)
	sortByName(s.Fleets)
	sortByName(s.Policies)
	sortByName(s.Apps)
	sortByName(s.Services)
	sortByName(s.Jobs)
	sortByName(s.Configs)
	sortByName(s.Secrets)
	sortByName(s.Networks)
	sortByName(s.Volumes)
	sortByName(s.ImagePolicies)
	sortByName(s.Notifications)
}

func sortByName[D document](docs []D) {
	sort.SliceStable(docs, func(i, j int) bool { return docs[i].name() < docs[j].name() })
}

// link makes one whole of the documents: their apps, what they refer to, and
// the files they include. Documents with mistakes take part with what is known
// of them, so that one look finds all mistakes and none that is only the
// consequence of another.
func (l *Loader) link(fsys fs.FS, s *Set) Errors {
	k := linker{set: s, counts: map[document]int{}}
	k.scope(l.parser)
	k.unique()
	s.sort()
	k.secrets(l, fsys)
	k.references()
	k.rules()
	k.appReferences()
	k.reserved()
	k.holders()
	k.imagePolicies()
	k.cycles()
	k.endpoints()
	k.contents(l, fsys)
	return k.errs
}

// scope gives every document the app of the nearest folder that has one.
func (k *linker) scope(p parser) {
	apps := map[string]*App{}
	for _, a := range k.set.Apps {
		dir := path.Dir(a.File)
		if first, twice := apps[dir]; twice {
			k.nameError(a, "the folder has an App already").Hint = "the other one is at " + where(first)
			continue
		}
		apps[dir] = a
		a.App = a.Metadata.Name
	}
	outside := false
	for _, d := range k.set.owned() {
		owner := nearest(apps, path.Dir(d.origin().File))
		outside = outside || owner == nil
		d.origin().App = DefaultApp
		if owner != nil {
			d.origin().App = owner.Metadata.Name
		}
	}
	if outside {
		k.addDefault(p)
	}
}

func nearest(apps map[string]*App, dir string) *App {
	for ; ; dir = path.Dir(dir) {
		if a, ok := apps[dir]; ok || dir == "." {
			return a
		}
	}
}

// addDefault adds the app of what no App owns. An App of that name somewhere
// below would own only a part of it.
func (k *linker) addDefault(p parser) {
	for _, a := range k.set.Apps {
		if a.Metadata.Name == DefaultApp && k.set.unread {
			return // what is outside may belong to an App that can't be read
		}
		if a.Metadata.Name == DefaultApp {
			k.nameError(a, "the name default is that of what no App owns").Hint = "move the App to the root, or give it another name"
			return
		}
	}
	k.set.Apps = append(k.set.Apps, p.defaultApp())
}

// sortedKeys are the keys of a map in order: no decision follows map order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
