package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tallyman-io/tallyman/reconcile"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/place"
	"github.com/tallyman-io/tallyman/reconcile/report"
	"github.com/tallyman-io/tallyman/reconcile/rollout"
)

const rebalanceHelp = `Move replicas to where they would be if they were placed now. Nothing else moves
a replica that is well: hosts that come, or come back, are empty until then.

The moves that gain most are shown, at most --max-moves, and ordered when they
are agreed to: on a terminal by typing yes, elsewhere with --yes. They go under
their services' update policy; each is forgotten when it is done, or when its
host does not take it. "tallyman resume APP" forgets what is left. Apps that are
paused, on their way or not put right by themselves are left alone, and so is
what has an exclusive volume.

    $ tallyman rebalance --yes
    MOVE        FROM    TO      WHY
    shop/web-3  edge-1  edge-3  of web 0 there, 2 others here
    1 move is ordered

EXIT STATUS
  0  ordered, or there is nothing to move
  1  not ordered, and why`

// rebalancing is what is asked for.
type rebalancing struct {
	most       int
	by, reason string
	yes        bool
}

// rebalanced is what -o json prints.
type rebalanced struct {
	Moves []suggestedMove `json:"moves"`
	// Ordered says whether they are, Controller whether a controller runs, which
	// obeys at once.
	Ordered    bool `json:"ordered"`
	Controller bool `json:"controller"`
}

// suggestedMove is one of the moves.
type suggestedMove struct {
	App     string `json:"app"`
	Service string `json:"service"`
	Slot    string `json:"slot"`
	From    string `json:"from"`
	To      string `json:"to"`
	Why     string `json:"why"`
}

func (a *app) rebalanceCommand() *cobra.Command {
	var r rebalancing
	c := &cobra.Command{
		Use: "rebalance", Short: "Move replicas to where they would be placed now", Long: rebalanceHelp, Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return a.rebalance(c.Context(), r) },
	}
	c.Flags().IntVar(&r.most, "max-moves", 10, "move at most `N` replicas")
	c.Flags().StringVar(&r.by, "by", "", "`NAME` of who orders it (default: you)")
	c.Flags().StringVar(&r.reason, "reason", "", "`WHY`, for those who look at the status")
	c.Flags().BoolVar(&r.yes, "yes", false, "do not ask")
	return c
}

// rebalance looks around itself, also when a controller runs, which then obeys.
func (a *app) rebalance(ctx context.Context, r rebalancing) error {
	if r.most < 1 {
		return fmt.Errorf("read --max-moves %d: must be at least 1", r.most)
	}
	w, err := a.lookAround(ctx, look{fallBack: true})
	if err != nil {
		return err
	}
	moves := reconcile.Rebalance(w.folded(time.Now(), false), r.most)
	w.close()
	done := rebalanced{Moves: []suggestedMove{}}
	for _, m := range moves {
		done.Moves = append(done.Moves, suggestedMove{m.App, m.Service, m.Slot, m.From, m.Host, m.Why})
	}
	if len(moves) == 0 {
		return a.sayRebalanced(done, "nothing to move: all replicas are where they would be placed now")
	}
	if !a.wantsJSON() {
		if err := report.MovesText(a.out, moveLines(done.Moves), a.style()); err != nil {
			return err
		}
	}
	if err := a.agree(r.yes); err != nil {
		return err
	}
	if done.Controller, err = a.orderMoves(ctx, moves, r); err != nil {
		return err
	}
	done.Ordered = true
	text := model.Count(len(moves), "move is ordered", "moves are ordered")
	return a.sayRebalanced(done, strings.TrimSpace(text+"\n"+unheard(done.Controller)))
}

func (a *app) sayRebalanced(done rebalanced, text string) error {
	if a.wantsJSON() {
		return printJSON(a.out, done)
	}
	_, err := fmt.Fprintln(a.out, text)
	return err
}

func moveLines(moves []suggestedMove) [][]string {
	var lines [][]string
	for _, m := range moves {
		lines = append(lines, []string{m.App + "/" + m.Service + "-" + m.Slot, m.From, m.To, m.Why})
	}
	return lines
}

// orderMoves gives each app its order, and says whether a controller runs.
func (a *app) orderMoves(ctx context.Context, moves []place.Suggestion, r rebalancing) (bool, error) {
	var apps []string
	byApp := map[string][]model.Move{}
	for _, m := range moves {
		if byApp[m.App] == nil {
			apps = append(apps, m.App)
		}
		byApp[m.App] = append(byApp[m.App], m.Move)
	}
	running := false
	for _, app := range apps {
		o := rollout.Order{Verb: rollout.VerbMove, App: app, By: r.by, Reason: r.reason, Moves: byApp[app]}
		if o.By == "" {
			o.By = whoami()
		}
		obeyed, err := a.obeyed(ctx, o)
		if err != nil {
			return obeyed, err
		}
		running = obeyed
	}
	return running, nil
}

var errNotAgreed = errors.New("not agreed to, nothing was ordered")

// agree has a person agree to what has been shown.
func (a *app) agree(yes bool) error {
	if yes {
		return nil
	}
	return a.ask(question{"rebalance", "Type yes to move them: ", "yes"}, errNotAgreed)
}
