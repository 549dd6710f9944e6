package forge

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/bradleyfalzon/ghinstallation/v2"
)

// githubWires are the ways to GitHub: as the installation, or whoever has the
// token; and, with an App, as the App itself, which alone may ask for its name.
func githubWires(c Config, api *url.URL) (*wire, *wire, error) {
	if c.App == (App{}) {
		w, err := newWire(api, c, nil)
		return w, nil, err
	}
	key, err := os.ReadFile(c.App.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("read key of the App: %w", err)
	}
	asApp, err := newWire(api, c, func(next http.RoundTripper) (http.RoundTripper, error) {
		return appTransport(next, c.App, key)
	})
	if err != nil {
		return nil, nil, err
	}
	w, err := newWire(api, c, func(next http.RoundTripper) (http.RoundTripper, error) {
		app, err := appTransport(next, c.App, key)
		if err != nil {
			return nil, err
		}
		app.BaseURL = api.String()
		return ghinstallation.NewFromAppsTransport(app, c.App.Installation), nil
	})
	return w, asApp, err
}

// appTransport never repeats what the library says of the key.
func appTransport(next http.RoundTripper, a App, key []byte) (*ghinstallation.AppsTransport, error) {
	t, err := ghinstallation.NewAppsTransport(next, a.ID, key)
	if err != nil {
		return nil, fmt.Errorf("read key of the App %q: not an RSA key in PEM", a.KeyFile)
	}
	return t, nil
}

// tokenAnswer is what GitHub answered when an installation's token was asked
// for and not given.
func tokenAnswer(err error) (*http.Response, []byte) {
	var e *ghinstallation.HTTPError
	if !errors.As(err, &e) || e.Response == nil {
		return nil, nil
	}
	return e.Response, nil
}
