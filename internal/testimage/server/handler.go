package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strings"
	"time"
)

// handler answers everything the server has to say; start is when it began, and
// once stopping is closed it calls itself unhealthy, so that nobody new comes.
func handler(s settings, start time.Time, stopping <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		host, _ := os.Hostname()
		fmt.Fprintf(w, "%s\nfrom %s\n", s.message, host)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-stopping:
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		default:
		}
		switch {
		case s.fail == failUnhealthy:
			http.Error(w, "unhealthy as told", http.StatusServiceUnavailable)
		case time.Since(start) < s.startDelay:
			http.Error(w, "still starting", http.StatusServiceUnavailable)
		default:
			fmt.Fprintln(w, "ok")
		}
	})
	mux.HandleFunc("GET /env", func(w http.ResponseWriter, _ *http.Request) {
		env := os.Environ()
		sort.Strings(env)
		fmt.Fprintln(w, strings.Join(env, "\n"))
	})
	mux.HandleFunc("GET /files", func(w http.ResponseWriter, r *http.Request) {
		data, err := os.ReadFile(r.FormValue("path"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusNotFound)
			return
		}
		w.Write(data)
	})
	mux.HandleFunc("GET /fetch", fetch)
	return mux
}

// fetch answers what another server answers, to show from outside that
// services reach each other by name.
func fetch(w http.ResponseWriter, r *http.Request) {
	url := r.FormValue("url")
	if !strings.HasPrefix(url, "http://") {
		http.Error(w, "url must begin with http://", http.StatusBadRequest)
		return
	}
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	w.WriteHeader(resp.StatusCode)
	io.Copy(w, resp.Body)
}
