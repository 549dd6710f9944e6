package manifest

import "io/fs"

// LoadHosts reads the Hosts below the root of fsys whose documents are good by
// themselves, whatever is wrong with the others: who looks for what is wrong with a
// machine need not mend everything else first. Of two with one name it is the first.
func LoadHosts(fsys fs.FS, opts Options) (*Set, error) {
	l := NewLoader(opts)
	files, _, err := walk(fsys, l.opts)
	if err != nil {
		return nil, err
	}
	l.cache.begin()
	all := &Set{}
	for _, f := range files {
		if all.documents <= l.opts.MaxDocuments {
			l.file(fsys, f, all)
		}
	}
	good, seen := &Set{}, map[string]bool{}
	for _, h := range all.Hosts {
		if len(h.wrong) == 0 && !seen[h.Metadata.Name] {
			seen[h.Metadata.Name] = true
			good.Hosts = append(good.Hosts, h)
		}
	}
	return good, nil
}
