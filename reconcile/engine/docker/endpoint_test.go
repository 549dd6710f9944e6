package docker_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/internal/dockertest"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/engine/docker"
	"github.com/tallyman-io/tallyman/reconcile/model"
)

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	for endpoint, want := range map[string]string{
		"ssh://root:canary@host": `endpoint "ssh://host" has a password, which is never taken from an address: use a key`,
		"ssh://root@host:many":   `endpoint "ssh://host:many" is no address: write ssh://USER@HOST`,
		"ssh://host?x=y":         "has a part after ? or #",
		"/var/run/docker":        `endpoint "/var/run/docker" has no scheme`,
		"root:canary@host":       `endpoint "host" has no scheme`,
		"http://host:2375":       `has the unknown scheme "http"`,
		"unix://":                "names no address",
		"tcp://":                 "names no address",
		"ssh://":                 "names no address",
	} {
		_, err := docker.New(model.Host{Name: "h", Endpoint: endpoint})
		if !errors.Is(err, docker.ErrEndpoint) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v, want %q", endpoint, err, want)
		}
		t.Setenv("DOCKER_HOST", endpoint)
		if _, err := docker.New(model.Host{Name: "h"}); err == nil || !strings.Contains(err.Error(), strings.Replace(want, "endpoint ", "DOCKER_HOST ", 1)) {
			t.Errorf("%s in DOCKER_HOST: got %v, want %q", endpoint, err, want)
		}
	}
	_, err := docker.New(model.Host{Name: "h", Endpoint: "unix:///run/x", TLS: model.TLS{CA: "ca.pem"}})
	if err == nil || !strings.Contains(err.Error(), "has tls, which is for tcp") {
		t.Errorf("tls on a socket: %v", err)
	}
	_, err = docker.New(model.Host{Name: "h", Endpoint: "tcp://h:1", SSH: model.SSH{KnownHosts: "known_hosts"}})
	if err == nil || !strings.Contains(err.Error(), "has ssh, which is for ssh") {
		t.Errorf("ssh on tcp: %v", err)
	}
	_, err = docker.New(model.Host{Name: "h", Endpoint: "tcp://h:1", TLS: model.TLS{CA: "/no/such/ca.pem"}})
	if err == nil || !strings.Contains(err.Error(), "read tls ca") {
		t.Errorf("missing ca: %v", err)
	}
}

func TestNobodyThereIsUnreachable(t *testing.T) {
	for _, endpoint := range []string{"unix://" + filepath.Join(t.TempDir(), "none.sock"), "tcp://127.0.0.1:1"} {
		e, err := docker.New(model.Host{Name: "gone", Endpoint: endpoint})
		if err != nil {
			t.Fatal(err) // New sends nothing, so it can't know
		}
		_, err = e.Observe(t.Context(), engine.Query{})
		if engine.ClassOf(err) != engine.Unreachable || !strings.Contains(err.Error(), `on host "gone"`) {
			t.Errorf("%s: %v, class %q", endpoint, err, engine.ClassOf(err))
		}
		err = e.Do(t.Context(), model.PullImage{Host: "gone", Image: "x"}, nil)
		if engine.ClassOf(err) != engine.Unreachable {
			t.Errorf("%s: %v, class %q", endpoint, err, engine.ClassOf(err))
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestEnvironmentNamesTheEngine(t *testing.T) {
	h := newHost(t)
	w := newWire(t, h)
	w.Start()
	t.Setenv("DOCKER_HOST", "tcp://"+w.Listener.Addr().String())
	e, err := docker.New(model.Host{Name: "here"})
	if err != nil {
		t.Fatal(err)
	}
	h.engine = e
	if calls := w.during(func() { h.observe(engine.Query{}) }); count(calls, listCall) != 1 {
		t.Errorf("calls over the address in DOCKER_HOST: %q", calls)
	}
}

func TestEngineThatIsTooOldIsNamed(t *testing.T) {
	h, w := wired(t)
	w.handle(apiVersion("1.40"))
	_, err := h.engine.Observe(t.Context(), engine.Query{})
	if engine.ClassOf(err) != engine.Invalid || !strings.Contains(err.Error(), "older than 1.41") {
		t.Errorf("got %v, class %q", err, engine.ClassOf(err))
	}
}

// An engine that was upgraded may refuse the version that was spoken before,
// so each new connection of the event stream asks again.
func TestVersionFollowsTheEngine(t *testing.T) {
	h, w := wired(t)
	w.handle(apiVersion("1.47"))
	woken := h.watch()
	spoken := func(version string) {
		t.Helper()
		h.until("version "+version+" is spoken", func() bool {
			err := h.engine.Logs(t.Context(), "none", engine.LogOptions{}, nil)
			return strings.Contains(err.Error(), "spoken: /v"+version)
		})
	}
	spoken("1.47")
	w.handle(apiVersion("1.41"))
	w.CloseClientConnections()
	h.wakes(woken)
	spoken("1.41")
}

// apiVersion is an engine that says it speaks version, and answers inspects
// with what it was asked in.
func apiVersion(version string) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		rw.Header().Set("Api-Version", version)
		if strings.HasSuffix(r.URL.Path, "/events") {
			http.NewResponseController(rw).Flush()
			<-r.Context().Done()
		}
		if strings.HasSuffix(r.URL.Path, "/json") {
			http.Error(rw, "spoken: "+r.URL.Path, http.StatusTeapot)
		}
	}
}

// authority signs the certificates of one test.
type authority struct {
	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.issue("ca", nil, nil)
	return a
}

// issue writes name.pem and name-key.pem, signed by parent or by itself.
func (a *authority) issue(name string, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", "CERTIFICATE", der)
	a.write(name+"-key.pem", "EC PRIVATE KEY", raw)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert, key
}

func (a *authority) write(name, kind string, der []byte) {
	data := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(a.path(name), data, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) path(name string) string { return filepath.Join(a.dir, name) }

func (a *authority) files(name string) model.TLS {
	return model.TLS{CA: a.path("ca.pem"), Cert: a.path(name + ".pem"), Key: a.path(name + "-key.pem")}
}

func TestMutualTLS(t *testing.T) {
	h := newHost(t)
	ours, theirs := newAuthority(t), newAuthority(t)
	ours.issue("engine", ours.cert, ours.key)
	ours.issue("controller", ours.cert, ours.key)
	theirs.issue("controller", theirs.cert, theirs.key)
	w := newWire(t, h)
	pair, err := tls.LoadX509KeyPair(ours.path("engine.pem"), ours.path("engine-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	w.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	w.StartTLS()
	observe := func(files model.TLS) error {
		e, err := docker.New(model.Host{Name: "here", Endpoint: "tcp://" + w.Listener.Addr().String(), TLS: files})
		if err != nil {
			return err
		}
		defer e.Close()
		_, err = e.Observe(t.Context(), engine.Query{})
		return err
	}
	if err := observe(ours.files("controller")); err != nil {
		t.Errorf("with both certificates: %v", err)
	}
	stranger := theirs.files("controller")
	stranger.CA = ours.path("ca.pem")
	for what, files := range map[string]model.TLS{
		"a certificate that the engine does not know": stranger,
		"no certificate":                      {CA: ours.path("ca.pem")},
		"an engine that is not the one meant": {CA: theirs.path("ca.pem"), Cert: ours.path("controller.pem"), Key: ours.path("controller-key.pem")},
		"no encryption":                       {},
	} {
		if err := observe(files); engine.ClassOf(err) != engine.Unreachable && engine.ClassOf(err) != engine.Invalid {
			t.Errorf("%s: %v, class %q", what, err, engine.ClassOf(err))
		}
	}
}

// A renewed certificate is used from the next connection on.
func TestRenewedCertificateIsUsed(t *testing.T) {
	h := newHost(t)
	a := newAuthority(t)
	a.issue("engine", a.cert, a.key)
	a.issue("controller", a.cert, a.key)
	var seen []string
	w := newWire(t, h)
	pair, err := tls.LoadX509KeyPair(a.path("engine.pem"), a.path("engine-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	w.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAnyClientCert}
	w.StartTLS()
	w.handle(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
		seen = append(seen, r.TLS.PeerCertificates[0].SerialNumber.String())
		next.ServeHTTP(rw, r)
	})
	h.engine, err = docker.New(model.Host{Name: "here", Endpoint: "tcp://" + w.Listener.Addr().String(), TLS: a.files("controller")})
	if err != nil {
		t.Fatal(err)
	}
	h.observe(engine.Query{})
	a.issue("controller", a.cert, a.key)
	w.CloseClientConnections()
	h.until("another connection is made", func() bool {
		_, err := h.engine.Observe(t.Context(), engine.Query{})
		return err == nil
	})
	if seen[0] == seen[len(seen)-1] {
		t.Error("the old certificate is still in use")
	}
}

// Real engines get new certificates of a new authority, and the files are
// replaced with them: the Engine at work follows without anybody's help.
func TestRenewedAuthorityIsUsed(t *testing.T) {
	machine := dockertest.Fleet(t, 1, dockertest.MutualTLS())[0]
	h := hostOn(t, machine.Part(t), model.Host{Endpoint: machine.Endpoint, TLS: machine.TLS})
	woken := h.watch()
	before := readFile(t, machine.TLS.CA)
	machine.RenewCertificates()
	if readFile(t, machine.TLS.CA) == before {
		t.Fatal("the authority is the old one")
	}
	h.until("the engine is reached with the new certificates", h.answers)
	for len(woken) > 0 {
		<-woken
	}
	h.volume("seen")
	h.wakes(woken)
}
