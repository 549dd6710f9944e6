package git

import (
	"cmp"

	"github.com/go-git/go-git/v5/config"
)

// Identity is whom git would have a commit here be by: the name and the address in
// the configuration of the repository, if it is on this machine, of the user and of
// the system. It is not known where either of them is nowhere.
func (r *Repository) Identity() (by Signature, known bool) {
	for _, cfg := range r.configs() {
		by.Name = cmp.Or(by.Name, cfg.Author.Name, cfg.User.Name)
		by.Email = cmp.Or(by.Email, cfg.Author.Email, cfg.User.Email)
	}
	return by, by.Name != "" && by.Email != ""
}

// configs are those that can be read, the nearest first.
func (r *Repository) configs() []*config.Config {
	var all []*config.Config
	if r.addr.local() {
		if own, err := localConfig(r.addr.path); err == nil {
			all = append(all, own)
		}
	}
	for _, scope := range []config.Scope{config.GlobalScope, config.SystemScope} {
		if cfg, err := config.LoadConfig(scope); err == nil {
			all = append(all, cfg)
		}
	}
	return all
}

func localConfig(path string) (*config.Config, error) {
	dir, err := findGitDir(path)
	if err != nil {
		return nil, err
	}
	store, err := dir.open()
	if err != nil {
		return nil, err
	}
	defer store.Close() //nolint:errcheck // only read from
	return store.Config()
}
