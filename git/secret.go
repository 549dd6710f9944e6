package git

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strings"
)

// credentials are what one connection uses.
type credentials struct {
	user, password string
	key            []byte
	passphrase     string
}

// readCredentials reads what the address needs, and nothing else: a key file
// that is missing must not stop an https fetch.
func readCredentials(auth Auth, a address) (credentials, error) {
	c := credentials{user: orDefault(a.user, auth.User), password: a.password}
	var err error
	switch a.scheme {
	case "http", "https":
		if c.password == "" {
			c.password, err = readSecret("password", auth.PasswordFile, auth.PasswordEnv)
		}
	case "ssh":
		c, err = readKey(c, auth)
	}
	return c, err
}

func readKey(c credentials, auth Auth) (credentials, error) {
	if auth.KeyFile == "" {
		return c, nil
	}
	var err error
	if c.key, err = os.ReadFile(auth.KeyFile); err != nil {
		return c, fmt.Errorf("read ssh key: %w", err)
	}
	c.passphrase, err = readSecret("passphrase", auth.PassphraseFile, auth.PassphraseEnv)
	return c, err
}

// readSecret reads a secret from a file or else a variable. A place that was
// named and holds nothing is an error: without one the remote would only say
// that something is wrong.
func readSecret(what, file, env string) (string, error) {
	switch {
	case file != "":
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read %s file: %w", what, err)
		}
		value := strings.TrimRight(string(data), "\r\n")
		if value == "" {
			return "", fmt.Errorf("read %s file %q: it is empty", what, file)
		}
		return value, nil
	case env != "":
		value := strings.TrimRight(os.Getenv(env), "\r\n")
		if value == "" {
			return "", fmt.Errorf("read %s from variable %q: it is not set", what, env)
		}
		return value, nil
	}
	return "", nil
}

// scrub takes every form in which a credential could come back, a server's
// echo included, out of text, and makes one short line of it.
func (c credentials) scrub(text string) string {
	const longest = 600
	for _, secret := range c.forms() {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	text = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), isControl), " ")
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return strings.TrimSpace(text)
}

// forms are the spellings of the secrets, longest first, so that one which
// contains another is taken out whole.
func (c credentials) forms() []string {
	var forms []string
	for _, secret := range []string{c.password, c.passphrase} {
		if secret == "" {
			continue
		}
		forms = append(forms, secret, url.QueryEscape(secret), url.PathEscape(secret),
			url.UserPassword("", secret).String()[1:],
			base64.StdEncoding.EncodeToString([]byte(c.basicUser()+":"+secret)))
	}
	sort.Slice(forms, func(i, j int) bool { return len(forms[i]) > len(forms[j]) })
	return forms
}

// basicUser is the name that goes with a password over http. Forges that take
// a token as password ignore the name, but refuse an empty one.
func (c credentials) basicUser() string { return orDefault(c.user, "x-access-token") }
