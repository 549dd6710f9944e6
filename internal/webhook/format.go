package webhook

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/internal/hooksign"
)

// head is what comes before a body, before anything of it is believed.
type head struct {
	header http.Header
	secret []byte
	now    time.Time
}

// proof says whether a body is the one that was signed.
type proof func(body []byte) bool

// about is what a message says.
type about struct {
	names  []string // of the repository, as name and as URLs
	ref    string
	number int
	worth  bool // there is something to look at
}

// format is what differs between those who send.
type format struct {
	signed   func(head) proof // nil where no body could make it right
	delivery string           // header with an id
	form     bool             // the JSON may stand in a form
	parse    func([]byte) (about, error)
}

var formats = map[Kind]format{
	GitHub:  {signedBy("X-Hub-Signature-256"), "X-GitHub-Delivery", true, parseGitHub},
	Gitea:   {signedBy("X-Gitea-Signature", "X-Forgejo-Signature"), "X-Gitea-Delivery", true, parseGitHub},
	GitLab:  {signedGitLab, "X-Gitlab-Event-UUID", false, parseGitLab},
	Generic: {signedGeneric, hooksign.HeaderSignature, false, parseGeneric},
}

// maxAge is how long ago, or ahead, a generic message may be dated.
const maxAge = 5 * time.Minute

// signedBy finds a SHA-256 HMAC of the body in one of the headers.
func signedBy(headers ...string) func(head) proof {
	return func(h head) proof {
		for _, name := range headers {
			if value := h.header.Get(name); value != "" {
				return sumOf(value, h.secret)
			}
		}
		return nil
	}
}

func sumOf(value string, secret []byte) proof {
	sum, err := hex.DecodeString(strings.TrimPrefix(value, "sha256="))
	if err != nil || len(sum) != sha256.Size {
		return nil
	}
	return func(body []byte) bool {
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		return hmac.Equal(sum, mac.Sum(nil))
	}
}

// signedGitLab compares the secret itself, which is what GitLab sends; by sums,
// so that its length takes no time either.
func signedGitLab(h head) proof {
	got, want := sha256.Sum256([]byte(h.header.Get("X-Gitlab-Token"))), sha256.Sum256(h.secret)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return nil
	}
	return func([]byte) bool { return true }
}

// signedGeneric wants the time signed too.
func signedGeneric(h head) proof {
	stamp, sent := h.header.Get(hooksign.HeaderTimestamp), h.header.Get(hooksign.HeaderSignature)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || sent == "" {
		return nil
	}
	if age := h.now.Sub(time.Unix(seconds, 0)); age > maxAge || age < -maxAge {
		return nil
	}
	return func(body []byte) bool { return hmac.Equal([]byte(sent), []byte(hooksign.Sign(h.secret, stamp, body))) }
}

// payload is the JSON of a body. GitHub and Gitea send it as a form where nobody
// chose otherwise; what others call a form, as curl does by itself, is JSON.
func payload(header http.Header, body []byte) []byte {
	if !strings.HasPrefix(header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return body
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil
	}
	return []byte(form.Get("payload"))
}

// decode reads one JSON object and nothing behind it.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more than one value")
	}
	return nil
}

// repository is how GitHub and Gitea name one.
type repository struct {
	Name  string `json:"full_name"`
	HTML  string `json:"html_url"`
	Clone string `json:"clone_url"`
	SSH   string `json:"ssh_url"`
}

func (r repository) names() []string { return []string{r.Name, r.HTML, r.Clone, r.SSH} }

func parseGitHub(data []byte) (about, error) {
	var in struct {
		Ref        string     `json:"ref"`
		Repository repository `json:"repository"`
		Pull       *struct {
			Number int `json:"number"`
			Base   struct {
				Ref  string     `json:"ref"`
				Repo repository `json:"repo"`
			} `json:"base"`
		} `json:"pull_request"`
	}
	if err := decode(data, &in); err != nil {
		return about{}, err
	}
	if in.Pull == nil {
		return look(in.Repository.names(), in.Ref, 0)
	}
	names := in.Pull.Base.Repo.names()
	if in.Pull.Base.Repo == (repository{}) {
		names = in.Repository.names()
	}
	return look(names, "refs/heads/"+in.Pull.Base.Ref, in.Pull.Number)
}

func parseGitLab(data []byte) (about, error) {
	type project struct {
		Path string `json:"path_with_namespace"`
		Web  string `json:"web_url"`
		HTTP string `json:"git_http_url"`
		SSH  string `json:"git_ssh_url"`
	}
	var in struct {
		Kind    string  `json:"object_kind"`
		Ref     string  `json:"ref"`
		Project project `json:"project"`
		Request struct {
			Number int     `json:"iid"`
			Branch string  `json:"target_branch"`
			Target project `json:"target"`
		} `json:"object_attributes"`
	}
	if err := decode(data, &in); err != nil {
		return about{}, err
	}
	p, ref, number := in.Project, in.Ref, 0
	if in.Kind == "merge_request" {
		ref, number = "refs/heads/"+in.Request.Branch, in.Request.Number
		if in.Request.Target != (project{}) {
			p = in.Request.Target
		}
	}
	return look([]string{p.Path, p.Web, p.HTTP, p.SSH}, ref, number)
}

func parseGeneric(data []byte) (about, error) {
	var in struct {
		Repository  string `json:"repository"`
		Ref         string `json:"ref"`
		PullRequest int    `json:"pullRequest"`
	}
	if err := decode(data, &in); err != nil {
		return about{}, err
	}
	a, err := look([]string{in.Repository}, in.Ref, in.PullRequest)
	a.worth = true // one without a ref says to look at all of it
	return a, err
}

// look says where. A ref that is no full one is left out, since it is not
// known what it is short for.
func look(names []string, ref string, number int) (about, error) {
	if number < 0 {
		return about{}, errors.New("a pull request has a positive number")
	}
	if !full(ref) {
		ref = ""
	}
	return about{names: names, ref: ref, number: number, worth: ref != "" || number > 0}, nil
}

// full holds a ref to what Git takes for one.
func full(ref string) bool {
	if !strings.HasPrefix(ref, "refs/") || len(ref) > 255 || strings.HasSuffix(ref, ".lock") || strings.HasSuffix(ref, ".") {
		return false
	}
	for part := range strings.SplitSeq(ref, "/") {
		if part == "" || strings.HasPrefix(part, ".") {
			return false
		}
	}
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) }
	return !strings.ContainsFunc(ref, bad) && !strings.Contains(ref, "..") && !strings.Contains(ref, "@{")
}
