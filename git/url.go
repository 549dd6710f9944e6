package git

import (
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"strings"
)

// address is a parsed repository URL. The password stays in it; its String
// shows none.
type address struct {
	scheme   string // file, http, https or ssh
	user     string
	password string
	host     string // lower case, no brackets
	port     string // empty for the scheme's own
	path     string
	scp      bool // written user@host:path
}

// parseAddress never puts the URL into an error: it may hold a password in a
// place where nobody expects one.
func parseAddress(raw string) (address, error) {
	switch {
	case raw == "":
		return address{}, errors.New("no repository URL")
	case strings.ContainsFunc(raw, isControl):
		return address{}, errors.New("the URL contains control characters")
	case strings.Contains(raw, "://"):
		return parseURL(raw)
	}
	if before, after, found := strings.Cut(afterBracket(raw), ":"); found && !strings.Contains(before, "/") {
		return parseSCP(raw, after)
	}
	path, err := filepath.Abs(raw)
	if err != nil {
		return address{}, errors.New("the path can't be made absolute")
	}
	return address{scheme: "file", path: path}, nil
}

func parseURL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, errors.New("not a valid URL")
	}
	if u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || u.ForceQuery {
		return address{}, errors.New("a repository URL has no query and no fragment")
	}
	a := address{scheme: u.Scheme, host: strings.ToLower(u.Hostname()), port: u.Port(), path: u.Path}
	if u.User != nil {
		a.user = u.User.Username()
		a.password, _ = u.User.Password()
	}
	if a.port == defaultPort(a.scheme) {
		a.port = ""
	}
	return a, a.check()
}

// parseSCP reads user@host:path, where host may be an IPv6 address in
// brackets; path is what follows the colon.
func parseSCP(raw, path string) (address, error) {
	a := address{scheme: "ssh", scp: true, path: path}
	host := strings.TrimSuffix(raw, ":"+path)
	if at := strings.LastIndex(host, "@"); at >= 0 {
		a.user, host = host[:at], host[at+1:]
	}
	a.host = strings.ToLower(strings.Trim(host, "[]"))
	if strings.HasPrefix(path, ":") {
		return address{}, errors.New("remote helpers (name::address) are not supported")
	}
	if holdsPassword(path) {
		return address{}, errors.New("user@host:path can't hold a password; use a key file")
	}
	return a, a.check()
}

// holdsPassword says whether what follows the first colon is rather a password
// with host and path behind it. A password may have slashes in it.
func holdsPassword(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	_, after, found := strings.Cut(path, "@")
	return strings.Contains(first, "@") || found && strings.Contains(after, ":")
}

// afterBracket skips a leading [IPv6] or user@[IPv6], whose colons do not
// separate host and path.
func afterBracket(raw string) string {
	open, end := strings.Index(raw, "["), strings.Index(raw, "]")
	if open < 0 || end < open || strings.ContainsAny(raw[:open], ":/") {
		return raw
	}
	return raw[end+1:]
}

func (a address) check() error {
	switch a.scheme {
	case "file":
		if a.host != "" && a.host != "localhost" {
			return errors.New("a file URL names no other host; write file:///path")
		}
		if !filepath.IsAbs(a.path) {
			return errors.New("a file URL has an absolute path: file:///path")
		}
		return nil
	case "http", "https", "ssh":
		return a.checkRemote()
	}
	return errors.New("unsupported scheme; use https, ssh, user@host:path, file or a path")
}

func (a address) checkRemote() error {
	if a.host == "" || strings.HasPrefix(a.host, "-") || strings.ContainsAny(a.host, " /") {
		return errors.New("the URL names no valid host")
	}
	if strings.Trim(a.path, "/") == "" || strings.HasPrefix(a.path, "-") {
		return errors.New("the URL names no valid path")
	}
	return nil
}

func (a address) local() bool { return a.scheme == "file" }

// loopback says whether the remote is this machine, as far as its name tells.
func (a address) loopback() bool {
	ip := net.ParseIP(a.host)
	return a.host == "localhost" || ip != nil && ip.IsLoopback()
}

func (a address) hostPort() string {
	return net.JoinHostPort(a.host, orDefault(a.port, defaultPort(a.scheme)))
}

// httpURL is where an http remote is, with the path escaped again.
func (a address) httpURL() *url.URL {
	host := a.host
	if a.port != "" || strings.Contains(host, ":") {
		host = a.hostPort()
	}
	return &url.URL{Scheme: a.scheme, Host: host, Path: strings.TrimSuffix(a.path, "/")}
}

// String is the address without credentials. An http user name goes as well,
// since it is often the token itself.
func (a address) String() string {
	if a.local() {
		return a.path
	}
	user := ""
	if a.scheme == "ssh" && a.user != "" && a.password == "" {
		user = a.user + "@"
	}
	host := a.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.scp {
		return user + host + ":" + a.path
	}
	if a.port != "" {
		host += ":" + a.port
	}
	return a.scheme + "://" + user + host + a.path
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	case "ssh":
		return "22"
	}
	return ""
}

// Redact is raw without anything that might be a credential, for logs and
// messages. Where an @ is in doubt it shows only what follows the last one.
func Redact(raw string) string {
	a, err := parseAddress(raw)
	if err == nil && !strings.Contains(a.path, "@") {
		return a.String()
	}
	shown := strings.Map(dropControl, raw)
	if at := strings.LastIndex(shown, "@"); at >= 0 {
		shown = "…" + shown[at:]
	}
	shown, _, _ = strings.Cut(shown, "?")
	shown, _, _ = strings.Cut(shown, "#")
	return shown
}

func isControl(r rune) bool { return r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 }

func dropControl(r rune) rune {
	if isControl(r) {
		return -1
	}
	return r
}
