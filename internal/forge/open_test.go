package forge

import (
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	for _, c := range []struct {
		raw  string
		kind Kind
		want Config
	}{
		{"https://github.com/acme/shop.git", "", Config{Kind: GitHub, URL: "https://github.com", Repository: "acme/shop"}},
		{"git@github.com:acme/shop.git", "", Config{Kind: GitHub, URL: "https://github.com", Repository: "acme/shop"}},
		{"ssh://git@ssh.github.com:443/acme/shop.git", "", Config{Kind: GitHub, URL: "https://github.com", Repository: "acme/shop"}},
		{"https://GitLab.com/group/sub/shop", "", Config{Kind: GitLab, URL: "https://gitlab.com", Repository: "group/sub/shop"}},
		{"https://me:secret@git.example.com:8443/acme/shop.git/", Gitea, Config{Kind: Gitea, URL: "https://git.example.com:8443", Repository: "acme/shop"}},
		{"https://example.com/git/acme/shop", Gitea, Config{Kind: Gitea, URL: "https://example.com/git", Repository: "acme/shop"}},
		{"ssh://git@git.example.com:2222/acme/shop", Gitea, Config{Kind: Gitea, URL: "https://git.example.com", Repository: "acme/shop"}},
		{"git@git.example.com:/acme/shop.git", GitLab, Config{Kind: GitLab, URL: "https://git.example.com", Repository: "acme/shop"}},
		{"http://127.0.0.1:3000/acme/shop.git", Gitea, Config{Kind: Gitea, URL: "http://127.0.0.1:3000", Repository: "acme/shop"}},
		{"ssh://git@[::1]:22/acme/shop", Gitea, Config{Kind: Gitea, URL: "https://[::1]", Repository: "acme/shop"}},
	} {
		got, err := Locate(c.raw, c.kind)
		if err != nil || got != c.want {
			t.Errorf("Locate(%q, %q) = %+v, %v; want %+v", c.raw, c.kind, got, err, c.want)
		}
	}
}

func TestLocateRefuses(t *testing.T) {
	for raw, kind := range map[string]Kind{
		"/srv/git/shop":                        Gitea,
		"../shop":                              Gitea,
		"file:///srv/git/shop":                 Gitea,
		"https://me:canary@git.example.com/a/": "", // of no kind
		"https://me:canary@github.com/shop":    GitHub,
		"https://me:canary@%zz/a/b":            GitHub,
		"https://github.com/a/../b":            GitHub,
		"https://github.com/a/b":               "svn",
		"":                                     GitHub,
	} {
		c, err := Locate(raw, kind)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("Locate(%q, %q) = %+v, %v", raw, kind, c, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := Config{Kind: Gitea, URL: "https://git.example.com", Repository: "acme/shop", TokenFile: "/token"}
	if _, err := Open(good); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		"no kind of forge":                    func(c *Config) { c.Kind = "svn" },
		"not an address":                      func(c *Config) { c.URL = "https://me:" + canary + "@git.example.com" },
		"is at https://":                      func(c *Config) { c.URL = "ssh://git.example.com" },
		"without TLS":                         func(c *Config) { c.URL = "http://git.example.com" },
		"not of the form owner/name":          func(c *Config) { c.Repository = "acme/../shop" },
		"only GitHub has Apps":                func(c *Config) { c.App.ID = 1 },
		"a token file":                        func(c *Config) { c.TokenFile = "" },
		"an App has an id":                    func(c *Config) { c.Kind, c.App.ID = GitHub, 1 },
		"read certificate authority":          func(c *Config) { c.CAFile = "/nowhere" },
		"the file has no PEM certificate":     func(c *Config) { c.CAFile = write(t, "x") },
		"read key of the App: open":           func(c *Config) { c.Kind, c.TokenFile, c.App = GitHub, "", App{1, 2, "/nowhere"} },
		"not an RSA key in PEM":               func(c *Config) { c.Kind, c.TokenFile, c.App = GitHub, "", App{1, 2, write(t, canary)} },
		`"group/sub/shop" is not of the form`: func(c *Config) { c.Repository = "group/sub/shop" },
		"or on GitHub an App instead":         func(c *Config) { c.Kind, c.App = GitHub, App{1, 2, "/k"} },
		`open forge of "acme/shop": a forge`:  func(c *Config) { c.URL = "ftp://x" },
	} {
		c := good
		spoil(&c)
		_, err := Open(c)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), canary) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
	plain := good
	plain.URL, plain.AllowPlainHTTP = "http://git.example.com", true
	if _, err := Open(plain); err != nil {
		t.Errorf("plain HTTP that is asked for: %v", err)
	}
}
