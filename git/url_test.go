package git

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for raw, want := range map[string]address{
		"https://example.com/team/shop.git":    {scheme: "https", host: "example.com", path: "/team/shop.git"},
		"https://u:p%40w@Example.com:443/shop": {scheme: "https", user: "u", password: "p@w", host: "example.com", path: "/shop"},
		"http://127.0.0.1:8080/shop":           {scheme: "http", host: "127.0.0.1", port: "8080", path: "/shop"},
		"ssh://git@example.com:22/shop.git":    {scheme: "ssh", user: "git", host: "example.com", path: "/shop.git"},
		"ssh://git@[::1]:2222/~ann/shop.git":   {scheme: "ssh", user: "git", host: "::1", port: "2222", path: "/~ann/shop.git"},
		"git@example.com:team/shop.git":        {scheme: "ssh", user: "git", host: "example.com", path: "team/shop.git", scp: true},
		"example.com:/srv/shop.git":            {scheme: "ssh", host: "example.com", path: "/srv/shop.git", scp: true},
		"git@[fe80::1]:shop.git":               {scheme: "ssh", user: "git", host: "fe80::1", path: "shop.git", scp: true},
		"file:///srv/git/shop.git":             {scheme: "file", path: "/srv/git/shop.git"},
		"file://localhost/srv/git/shop.git":    {scheme: "file", host: "localhost", path: "/srv/git/shop.git"},
		"/srv/a:b/shop":                        {scheme: "file", path: "/srv/a:b/shop"},
	} {
		if got, err := parseAddress(raw); err != nil || got != want {
			t.Errorf("%s is %+v, %v", raw, got, err)
		}
	}
}

func TestBadAddressesAreRefusedWithoutBeingRepeated(t *testing.T) {
	const secret = "hunter22"
	for _, raw := range []string{
		"", "ftp://u:hunter22@example.com/x", "git://example.com/hunter22", "ext::sh -c hunter22", "https://", "https:///hunter22",
		"https://u:hunter22@example.com", "https://example.com/x?token=hunter22", "https://example.com/x#hunter22",
		"https://u:hunter22@exa mple.com/x", "https://u:hunter22@example.com:port/x", "u:hunter22@example.com/x", "file://elsewhere/hunter22",
		"ssh://-oProxyCommand=hunter22/x", "host:-hunter22", "https://example.com/\x1b[31mhunter22", "https:u:hunter22@example.com",
		"u:x/hunter22@example.com:x",
	} {
		_, err := Open(Config{URL: raw, Dir: t.TempDir()})
		if err == nil {
			t.Errorf("%q: no error", raw)
			continue
		}
		if strings.Contains(raw, secret+"@") && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: the error %q shows the password", raw, err)
		}
	}
}

func TestPlainHTTPIsForLoopback(t *testing.T) {
	if _, err := Open(Config{URL: "http://example.com/shop", Dir: t.TempDir()}); !errors.Is(err, ErrPlainHTTP) {
		t.Errorf("http to another machine: %v", err)
	}
	for _, cfg := range []Config{
		{URL: "http://127.0.0.1:1/shop"}, {URL: "http://[::1]:1/shop"}, {URL: "http://localhost/shop"},
		{URL: "http://example.com/shop", AllowPlainHTTP: true},
	} {
		cfg.Dir = t.TempDir()
		if _, err := Open(cfg); err != nil {
			t.Error(err)
		}
	}
}

func TestRedact(t *testing.T) {
	for raw, want := range map[string]string{
		"https://user:pw@example.com/shop.git": "https://example.com/shop.git",
		"https://token@example.com/shop.git":   "https://example.com/shop.git",
		"ssh://git@example.com/shop.git":       "ssh://git@example.com/shop.git",
		"ssh://git:pw@example.com/shop.git":    "ssh://example.com/shop.git",
		"git@example.com:shop.git":             "git@example.com:shop.git",
		"/srv/git/shop":                        "/srv/git/shop",
		"https://u:p@w/x@example.com/shop?t=1": "…@example.com/shop",
		"https://example.com/shop?token=pw":    "https://example.com/shop",
		"user:pw@example.com/shop":             "…@example.com/shop",
		"user:p/w@example.com:shop":            "…@example.com:shop",
	} {
		if got := Redact(raw); got != want {
			t.Errorf("%s is shown as %s, want %s", raw, got, want)
		}
	}
}

func TestOwnerName(t *testing.T) {
	same := []string{
		"https://example.com/team/shop", "https://example.com/team/shop.git", "https://example.com/team/shop/", "https://EXAMPLE.com:443/team/shop.git/",
		"https://user:pw@example.com/team/shop", "ssh://git@example.com:22/team/shop.git", "git@example.com:team/shop.git", "git@example.com:/team/shop",
	}
	want := OwnerName(same[0], ".")
	for _, url := range same {
		for _, path := range []string{"", ".", "./", "/"} {
			if got := OwnerName(url, path); got != want {
				t.Errorf("%s at %q is %s, want %s", url, path, got, want)
			}
		}
	}
	if !strings.HasPrefix(want, "shop-") {
		t.Errorf("%s does not say shop", want)
	}
	if got := OwnerName(same[0], "clusters/Prod/"); !strings.HasPrefix(got, "shop-clusters-prod-") || got != OwnerName(same[0], "clusters/Prod") {
		t.Errorf("with a path it is %s", got)
	}
	if OwnerName("/srv/shop", ".") != OwnerName("file:///srv/shop/.git", "") {
		t.Error("a work tree and its .git are two owners")
	}
}

func TestDifferentRepositoriesHaveDifferentOwners(t *testing.T) {
	names := map[string]string{}
	for _, url := range []string{"https://example.com/a/shop", "https://example.com/b/shop", "https://example.org/a/shop", "https://example.com:8443/a/shop", "/srv/shop", "/srv/shop.git"} {
		for _, path := range []string{"", "prod", "prod/eu", "prod-eu"} {
			name := OwnerName(url, path)
			if other, taken := names[name]; taken {
				t.Errorf("%s %s and %s are both %s", url, path, other, name)
			}
			names[name] = url + " " + path
		}
	}
}

func FuzzRedact(f *testing.F) {
	for _, seed := range []string{"https://%s@example.com/x", "https://u:%s@example.com/x", "u:%s@h:x", "%s", "ssh://u:%s@[::1]:22/x", "https://u:%s@h?q", "file://%s@/x", "https:/u:%s@h/x", "//u:%s@h"} {
		f.Add(seed, "hunter22")
	}
	f.Fuzz(func(t *testing.T, shape, secret string) {
		_ = Redact(shape)
		_ = OwnerName(shape, secret)
		before, after, found := strings.Cut(shape, "%s")
		credential := found && strings.Contains(before, ":") && strings.HasPrefix(after, "@")
		if !credential || len(secret) < 6 || strings.Contains(before+after, secret) || strings.ContainsAny(secret, "@?#") {
			return
		}
		raws := []string{before + secret + after, before + url.PathEscape(secret) + after, before + url.QueryEscape(secret) + after}
		for _, raw := range raws {
			if shown := Redact(raw); strings.Contains(shown, secret) && !strings.HasPrefix(shown, "/") {
				t.Errorf("%q is shown as %q", raw, shown)
			}
			if name := OwnerName(raw, ""); strings.Contains(name, strings.ToLower(secret)) {
				t.Errorf("%q is owned by %q", raw, name)
			}
		}
	})
}

func FuzzParseRevision(f *testing.F) {
	for _, seed := range []string{"HEAD~1^2", "main", "a~b", "^", "~~~", "x^{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, rev string) {
		base, steps, err := parseRevision(rev)
		if err == nil && (base == "" || !strings.HasPrefix(rev, base) || len(steps) > len(rev)) {
			t.Errorf("%q is %q and %v", rev, base, steps)
		}
	})
}
