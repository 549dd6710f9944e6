package pulls

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/internal/forge"
)

// TestHowTheForgeFaresIsKnown: that it denies us, until it takes a request again, and
// not what is one pull request's own affair.
func TestHowTheForgeFaresIsKnown(t *testing.T) {
	d := newDesk(t)
	denies := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) }))
	defer denies.Close()
	config := d.stage.Config()
	config.URL = denies.URL
	denied, err := forge.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	up := d.Forge
	d.Forge = denied
	d.note(d.look(), false)
	d.note(nil, true)
	if why, since := d.Fare(); !strings.Contains(why, "denies it") || since.IsZero() {
		t.Errorf("a forge that denies it fares like this: %q, since %s", why, since)
	}
	d.Forge = up
	d.note(d.look(), false)
	d.note(errors.New("plan pull request 7: look at hosts: no route"), false)
	if why, _ := d.Fare(); why != "" {
		t.Errorf("a forge that answers fares like this: %q", why)
	}
}
