package git

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// countingListener counts what goes over its connections, both ways.
type countingListener struct {
	net.Listener
	bytes *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countingConn{conn, l.bytes}, err
}

type countingConn struct {
	net.Conn
	bytes *atomic.Int64
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c countingConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// BenchmarkPollUnchanged is what it costs to look at a remote that did not
// move. CPU is the controller's and the test server's together.
func BenchmarkPollUnchanged(b *testing.B) {
	for _, branches := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("http/branches=%d", branches), func(b *testing.B) { benchmarkHTTP(b, branches) })
	}
	b.Run("local", func(b *testing.B) {
		s := benchSource(b, 1)
		poll(b, opened(b, Config{URL: s.dir}))
	})
}

func benchmarkHTTP(b *testing.B, branches int) {
	s := benchSource(b, branches)
	bare := s.bare()
	backend := newGitServer(b, filepath.Dir(bare))
	var bytes atomic.Int64
	server := httptest.NewUnstartedServer(backend.Config.Handler)
	server.Listener = countingListener{server.Listener, &bytes}
	server.Start()
	defer server.Close()
	cfg := Config{URL: server.URL + "/shop.git"}
	withPassword(b, testSecret)(&cfg)
	r := opened(b, cfg)
	bytes.Store(0)
	poll(b, r)
	b.ReportMetric(float64(bytes.Load())/float64(b.N), "wire-B/op")
}

func poll(b *testing.B, r *Repository) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Fetch(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func opened(b *testing.B, cfg Config) *Repository {
	cfg.Branch, cfg.Dir, cfg.Timeout = "main", filepath.Join(b.TempDir(), "state"), time.Minute
	r, err := Open(cfg)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := r.Fetch(context.Background()); err != nil {
		b.Fatal(err)
	}
	return r
}

func benchSource(b *testing.B, branches int) source {
	s := newSourceWith(b, "a", "1")
	refs := s.git("rev-parse", "HEAD") + " refs/heads/main\n"
	for i := 1; i < branches; i++ {
		refs += fmt.Sprintf("%s refs/heads/team/topic-%d\n", s.head(), i)
	}
	if err := os.WriteFile(filepath.Join(s.dir, ".git", "packed-refs"), []byte(refs), 0o600); err != nil {
		b.Fatal(err)
	}
	return s
}

// BenchmarkReadTree reads 1,000 files of a commit.
func BenchmarkReadTree(b *testing.B) {
	var files []string
	for i := range 1000 {
		files = append(files, fmt.Sprintf("app-%d/service-%d.yaml", i/20, i), strings.Repeat(fmt.Sprintln("line", i), 30))
	}
	s := newSourceWith(b, files...)
	r := opened(b, Config{URL: s.dir})
	b.ReportAllocs()
	for b.Loop() {
		tree, err := r.Tree(s.head(), ".")
		if err != nil {
			b.Fatal(err)
		}
		err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				_, err = fs.ReadFile(tree, name)
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
