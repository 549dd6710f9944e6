package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/engine"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

// maxBody bounds what a client may send.
const maxBody = 1 << 16

// ApplyRequest asks the controller for what `tallyman apply` does.
type ApplyRequest struct {
	AllowRemovals bool `json:"allowRemovals"`
}

// failure is the answer to what did not work.
type failure struct {
	Error       string `json:"error"`
	NothingToDo bool   `json:"nothingToDo,omitempty"`
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/source", s.source)
	mux.HandleFunc("GET /v1/status", s.status)
	mux.HandleFunc("GET /v1/memory", s.memory)
	mux.HandleFunc("GET /v1/observed", s.observed)
	mux.HandleFunc("GET /v1/history", s.history)
	mux.HandleFunc("GET /v1/events", s.events)
	mux.HandleFunc("GET /v1/logs", s.logs)
	mux.HandleFunc("POST /v1/apply", s.apply)
	mux.HandleFunc("POST /v1/order", s.order)
	return mux
}

// decideTime is how long the answer waits for a controller that has decided
// nothing yet, because it has just begun.
const decideTime = 5 * time.Second

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), decideTime)
	defer cancel()
	s.Controller.Decided(ctx)
	answer(w, s.told())
}

func (s *Server) source(w http.ResponseWriter, _ *http.Request) { answer(w, s.Source) }

// observed is what the hosts reported last: nobody else can look at hosts that
// there are in a simulation only.
func (s *Server) observed(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), decideTime)
	defer cancel()
	s.Controller.Decided(ctx)
	answer(w, s.Controller.Observed())
}

// memory is what the journal, which only the controller can open, remembers.
func (s *Server) memory(w http.ResponseWriter, _ *http.Request) {
	memory, err := s.Journal.Load()
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, memory)
}

func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	records, err := s.Journal.History(r.FormValue("app"), number(r, "n", 100))
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	answer(w, records)
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	out := newStream(w)
	if r.FormValue("follow") != "" {
		out.end(s.Journal.Follow(r.Context(), number(r, "n", 100), func(e reconcile.Event) error { return out.send(e) }))
		return
	}
	events, err := s.Journal.Events(number(r, "n", 100))
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	for _, e := range events {
		if out.send(e) != nil {
			return
		}
	}
}

func (s *Server) logs(w http.ResponseWriter, r *http.Request) {
	status := s.Controller.Status()
	replica, err := report.FindReplica(&status, r.FormValue("replica"))
	if err == nil {
		replica, err = replica.In(r.FormValue("container"))
	}
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	opts := engine.LogOptions{Follow: r.FormValue("follow") != "", Tail: number(r, "tail", 0), Kept: r.FormValue("kept") != ""}
	out := newStream(w)
	if err := s.Controller.Logs(r.Context(), replica, opts, out); err != nil && !out.begun {
		refuse(w, http.StatusBadGateway, err)
	}
}

// order has the controller obey a person's order about an app.
func (s *Server) order(w http.ResponseWriter, r *http.Request) {
	var o rollout.Order
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&o); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := s.Controller.Order(r.Context(), o); err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	answer(w, struct{}{})
}

// apply streams a status for each pass, until there is an outcome.
func (s *Server) apply(w http.ResponseWriter, r *http.Request) {
	var req ApplyRequest
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&req); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	changed, stop := s.Controller.Subscribe()
	defer stop()
	if err := s.Controller.Apply(r.Context(), req.AllowRemovals); err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	s.streamStatus(r.Context(), newStream(w), changed)
}

func (s *Server) streamStatus(ctx context.Context, out *stream, changed <-chan struct{}) {
	for {
		status := s.told()
		if out.send(status) != nil || report.OutcomeOf(&status) != report.Pending {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

func number(r *http.Request, name string, otherwise int) int {
	n, err := strconv.Atoi(r.FormValue(name))
	if err != nil || n < 0 {
		return otherwise
	}
	return n
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // a client that has gone needs no answer
}

func refuse(w http.ResponseWriter, code int, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(failure{err.Error(), errors.Is(err, rollout.ErrNothingToDo)})
}

// stream is an answer that is sent piece by piece, each at once.
type stream struct {
	w     http.ResponseWriter
	json  *json.Encoder
	begun bool
}

func newStream(w http.ResponseWriter) *stream {
	s := &stream{w: w}
	s.json = json.NewEncoder(s)
	return s
}

// Write sends a piece.
func (s *stream) Write(data []byte) (int, error) {
	s.begun = true
	n, err := s.w.Write(data)
	if err == nil {
		err = http.NewResponseController(s.w).Flush()
	}
	return n, err
}

func (s *stream) send(value any) error { return s.json.Encode(value) }

// end tells of an error, if it is not too late for that.
func (s *stream) end(err error) {
	if err != nil && !s.begun {
		refuse(s.w, http.StatusInternalServerError, err)
	}
}
