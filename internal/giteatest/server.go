package giteatest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// startTime is how long Gitea may take from its start to its first answer: it
// makes its tables first.
const startTime = 2 * time.Minute

// Server is a Gitea of a test's own.
type Server struct {
	URL string // without a slash at the end

	t   testing.TB
	dir string
	exe string
	let io.Closer // of the process: closed, it ends, as it does when the test dies
	end chan struct{}

	tokens int // made so far
}

// Start starts a Gitea, which ends with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	p, err := build(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, dir: t.TempDir(), exe: p.path}
	t.Cleanup(s.stop)
	if err := s.start(p.source); err != nil {
		t.Fatalf("start gitea: %v\n%s", err, s.log())
	}
	return s
}

func (s *Server) start(source string) error {
	address, err := freeAddress()
	if err != nil {
		return err
	}
	s.URL = "http://" + address
	if err := s.configure(address, source); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	// The shell outlives neither the test nor its own child.
	cmd := exec.Command("sh", "-c", `"$@" & child=$!; cat >/dev/null; kill -9 $child; wait $child`, "sh", s.exe, "web", "--config", s.config())
	cmd.Env, cmd.Stdout, cmd.Stderr = s.env(), log, log
	let, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.let, s.end = let, make(chan struct{})
	go func() {
		defer close(s.end)
		_ = cmd.Wait() // it says that its child was killed
	}()
	return s.answers()
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (s *Server) config() string { return filepath.Join(s.dir, "app.ini") }

// env has a home of the server's own: git reads its configuration there.
func (s *Server) env() []string {
	return append(os.Environ(), "HOME="+s.dir, "GITEA_WORK_DIR="+s.dir, "GIT_CONFIG_NOSYSTEM=1")
}

func (s *Server) configure(address, source string) error {
	me, err := user.Current()
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(settings, me.Username, host, port, s.URL, source, filepath.Join(s.dir, "gitea.db"))
	return os.WriteFile(s.config(), []byte(text), 0o600)
}

// settings leave out what tests have no use for, and whatever would leave the
// machine. Pages are short, so that a list has several. The commands of admin
// write to the database beside the server, which on a busy machine takes longer
// than the half second after which one would give up on the other.
const settings = `RUN_USER = %s
RUN_MODE = prod
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
HTTP_ADDR = %s
HTTP_PORT = %s
ROOT_URL = %s/
STATIC_ROOT_PATH = %s
OFFLINE_MODE = true
DISABLE_SSH = true
LFS_START_SERVER = false
[database]
DB_TYPE = sqlite3
PATH = %s
SQLITE_TIMEOUT = 60000
[security]
INSTALL_LOCK = true
SECRET_KEY = of-tests
PASSWORD_HASH_ALGO = pbkdf2_v2
[webhook]
ALLOWED_HOST_LIST = *
DELIVER_TIMEOUT = 10
[queue]
TYPE = channel
[indexer]
ISSUE_INDEXER_TYPE = db
[api]
MAX_RESPONSE_ITEMS = 3
[actions]
ENABLED = false
[packages]
ENABLED = false
[cron]
ENABLED = false
[service]
REGISTER_EMAIL_CONFIRM = false
[log]
MODE = console
LEVEL = Warn
`

// answers waits for the first answer.
func (s *Server) answers() error {
	for deadline := time.Now().Add(startTime); ; time.Sleep(50 * time.Millisecond) {
		answer, err := http.Get(s.URL + "/api/v1/version")
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(answer.Status)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no answer: %w", err)
		}
	}
}

func (s *Server) stop() {
	if s.let != nil {
		_ = s.let.Close()
		<-s.end
		s.let = nil
	}
}

func (s *Server) log() []byte {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return text
}

// admin runs one of Gitea's own commands, and gives what it prints: its answer,
// and lines of its log before or behind that.
func (s *Server) admin(args ...string) string {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), s.exe, append(args, "--config", s.config())...)
	cmd.Env = s.env()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("gitea %s: %v\n%s%s", strings.Join(args[:3], " "), err, out, stderr.String())
	}
	return string(out)
}
