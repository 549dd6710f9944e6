package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// health is the health check that an engine runs inside the container; the
// image has no shell and no curl to do it with.
func health(s settings) error {
	_, port, err := net.SplitHostPort(s.listen)
	if err != nil {
		return fmt.Errorf("read LISTEN: %w", err)
	}
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get("http://127.0.0.1:" + port + "/healthz")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("healthz answers %d: %s", resp.StatusCode, strings.TrimSpace(string(body)))
	}
	return nil
}
