package git

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"strings"
)

// OwnerName is the default name of an installation: made of the repository and
// the manifest path in it, so it is the same after the state directory is lost
// and another one for another repository. It reads like shop-prod-1a2b3c4d.
//
// How the repository is reached does not count: scheme, user, password, a
// default port and a trailing .git or slash are left out, so that moving from
// a password to a key changes no owner. A local path keeps its .git suffix,
// since shop and shop.git may well lie side by side; only the .git folder of a
// work tree is the work tree.
func OwnerName(url, manifestPath string) string {
	repository := Redact(url)
	words := path.Base(repository)
	if a, err := parseAddress(url); err == nil {
		repository = a.identity()
		if !strings.Contains(words, "@") {
			words = path.Base(repository)
		}
	}
	sub := path.Clean("/" + manifestPath)
	sum := sha256.Sum256([]byte(repository + "\x00" + sub))
	name := orDefault(slug(strings.TrimSuffix(words, ".git")+"-"+strings.TrimPrefix(sub, "/")), "repository")
	return name + "-" + hex.EncodeToString(sum[:4])
}

// identity is what makes two addresses the same repository.
func (a address) identity() string {
	if a.local() {
		return strings.TrimSuffix(filepath.ToSlash(filepath.Clean(a.path)), "/.git")
	}
	host := a.host
	if a.port != "" {
		host += ":" + a.port
	}
	p := strings.TrimPrefix(path.Clean("/"+a.path), "/")
	return host + "/" + strings.TrimSuffix(p, ".git")
}

// slug keeps lower-case letters and digits, joins the rest by single dashes,
// and is short enough to stand before a container's name.
func slug(s string) string {
	const longest = 32
	fields := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	joined := strings.Join(fields, "-")
	return strings.Trim(joined[:min(len(joined), longest)], "-")
}
