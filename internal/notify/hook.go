package notify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/tallyman-io/tallyman/internal/hooksign"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// Payload is the body that a webhook gets.
type Payload struct {
	// ID is the same whenever the same is told again.
	ID           string `json:"id"`
	Notification string `json:"notification"`
	Owner        string `json:"owner"`
	report.About
	Subject string    `json:"subject,omitempty"`
	Author  string    `json:"author,omitempty"`
	Text    string    `json:"text"`
	Message string    `json:"message"` // by the template
	At      time.Time `json:"at,omitzero"`
}

// hook posts signed messages.
type hook struct {
	url    string
	secret []byte
	client *http.Client
}

func newHook(address string, secret []byte, p policy) (*hook, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the webhook's URL can't be read; correct it")
	}
	if u.Scheme != "https" && !p.loopback {
		return nil, errLoopback // the manifests allow no other one without TLS
	}
	if u.Scheme != "https" && u.Hostname() != "localhost" {
		if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
			return nil, errors.New("the webhook's URL has to begin with https://")
		}
	}
	return &hook{url: address, secret: secret, client: p.client()}, nil
}

func (h *hook) send(ctx context.Context, l letter) error {
	body, err := json.Marshal(Payload{
		ID: identity(l), Notification: l.To, Owner: l.Owner, About: l.Notice.About, Subject: l.Notice.Subject, Author: l.Notice.Author,
		Text: l.Notice.Text, Message: l.Text, At: l.Notice.At,
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's URL can't be used; correct it")
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tallyman")
	req.Header.Set(hooksign.HeaderTimestamp, stamp)
	req.Header.Set(hooksign.HeaderSignature, hooksign.Sign(h.secret, stamp, body))
	answer, err := h.client.Do(req)
	if err != nil {
		if plain := plainReason(err); plain != nil {
			return plain
		}
		return errors.New("the server can't be reached, or breaks off")
	}
	_, _ = io.CopyN(io.Discard, answer.Body, 4<<10) // what it says is not for us
	_ = answer.Body.Close()
	switch {
	case answer.StatusCode/100 == 2:
		return nil
	case answer.StatusCode/100 == 3:
		return fmt.Errorf("the server redirects (%d), which is not followed; name the address itself", answer.StatusCode)
	}
	return fmt.Errorf("the server answers %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
}

func identity(l letter) string {
	a := l.Notice.About
	sum := sha256.Sum256([]byte(l.Owner + "\x00" + l.To + "\x00" + a.Event + "\x00" + a.App + "\x00" + a.Revision))
	return hex.EncodeToString(sum[:16])
}

func isCertificate(err error) bool {
	var bad *tls.CertificateVerificationError
	return errors.As(err, &bad)
}
