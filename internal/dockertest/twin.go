package dockertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"

	"github.com/docker/docker/api/types/network"
)

// TwinNetwork makes a second network of a name, like the first in everything, and
// says false where the engine lets nobody do that: Docker 25 and later. It leaves
// out of the request what asks for a look at the names, as if two clients had
// looked at the same time; the client of the engine's own library can't. The twin
// has the first one's owner label, and goes with it.
func (e *Engine) TwinNetwork(name string) (made bool, err error) {
	first, err := e.Client.NetworkInspect(e.t.Context(), name, network.InspectOptions{})
	if err != nil {
		return false, err
	}
	body, err := json.Marshal(map[string]any{"Name": name, "Driver": first.Driver, "Labels": first.Labels})
	if err != nil {
		return false, err
	}
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, "http://engine/v1.41/networks/create", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	dial := e.Client.Dialer()
	raw := http.Client{Transport: &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		DisableKeepAlives: true,
	}}
	answer, err := raw.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	var refusal struct{ Message string }
	if err := json.NewDecoder(answer.Body).Decode(&refusal); err != nil {
		return false, err
	}
	switch answer.StatusCode {
	case http.StatusCreated:
		return true, nil
	case http.StatusConflict:
		return false, nil
	}
	return false, errors.New(refusal.Message)
}
