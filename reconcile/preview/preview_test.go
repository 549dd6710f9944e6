package preview

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }

func TestAPushRenewsTheTimeAndNothingElseDoes(t *testing.T) {
	first := Renew(nil, []Preview{{App: "shop", Number: 2, Head: "a"}, {App: "shop", Number: 1, Head: "b"}}, at(0))
	if first[0].Number != 1 || first[0].Since != at(0) || first[0].Updated != at(0) {
		t.Fatalf("at first %+v", first)
	}
	first[0].Accepted = "b"
	renamed := Renew(first, []Preview{{App: "shop", Number: 1, Head: "b", Title: "New"}}, at(1))
	if p := renamed[0]; p.Updated != at(0) || p.Title != "New" || p.Accepted != "b" {
		t.Errorf("another title gives %+v", p)
	}
	pushed := Renew(renamed, []Preview{{App: "shop", Number: 1, Head: "c"}}, at(2))
	if p := pushed[0]; p.Updated != at(2) || p.Since != at(0) || p.Accepted != "b" {
		t.Errorf("a push gives %+v", p)
	}
	back := Renew(Renew(pushed, nil, at(3)), []Preview{{App: "shop", Number: 1, Head: "c"}}, at(4))
	if p := back[0]; p.Updated != at(4) || p.Since != at(4) || p.Accepted != "" {
		t.Errorf("one that was away comes back as %+v", p)
	}
	if none := Renew(pushed, nil, at(3)); none == nil {
		t.Error("an empty list is taken for none that was ever given")
	}
}

// TestAnotherNameOfTheAppIsNoPush: the time goes on, while a label beside another
// one's begins its own.
func TestAnotherNameOfTheAppIsNoPush(t *testing.T) {
	first := Renew(nil, []Preview{{App: "shop", Number: 1, Head: "a"}, {App: "shop", Number: 2, Head: "b"}}, at(0))
	first[0].Started, first[0].Accepted = at(0), "a"
	called := Renew(first, []Preview{{App: "store", Number: 1, Head: "a"}, {App: "store", Number: 2, Head: "c"}}, at(5))
	if p := called[0]; p.Updated != at(0) || p.Since != at(0) || !p.Started.IsZero() || p.Accepted != "" {
		t.Errorf("under another name it is %+v", p)
	}
	if p := called[1]; p.Updated != at(5) {
		t.Errorf("one that was pushed to meanwhile is %+v", p)
	}
	beside := Renew(first, []Preview{{App: "shop", Number: 1, Head: "a"}, {App: "blog", Number: 1, Head: "a"}}, at(5))
	if p := beside[0]; p.App != "blog" || p.Updated != at(5) {
		t.Errorf("beside an app that it runs for already it is %+v", p)
	}
}

func states(in AdmitInput) string {
	out, _ := Admit(in)
	var text []string
	for _, a := range out {
		text = append(text, fmt.Sprintf("%d %s", a.Number, a.State))
	}
	return fmt.Sprint(text)
}

func TestWhoRuns(t *testing.T) {
	rules := map[string]*model.Previews{"shop": {TTL: 10 * time.Hour, Max: 2}}
	list := Renew(nil, []Preview{{App: "shop", Number: 3}, {App: "shop", Number: 1}}, at(0))
	ran, _ := Admit(AdmitInput{List: list, Rules: rules, Now: at(0)})
	list = []Preview{ran[0].Preview, ran[1].Preview}
	list = Renew(list, []Preview{{App: "shop", Number: 3}, {App: "shop", Number: 1}, {App: "shop", Number: 2}, {App: "blog", Number: 9}}, at(1))
	for what, c := range map[string]struct {
		in   AdmitInput
		want string
	}{
		"the first that came, as many as there may be": {AdmitInput{Now: at(2)}, "[9 off 1 running 2 queued 3 running]"},
		"the next when one is refused":                 {AdmitInput{Now: at(2), Refused: map[string]string{"shop-pr-1": "why"}}, "[9 off 1 refused 2 running 3 running]"},
		"the next when the time of others is over":     {AdmitInput{Now: at(10)}, "[9 off 1 expired 2 running 3 expired]"},
	} {
		c.in.List, c.in.Rules = list, rules
		if got := states(c.in); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
	}
	if _, wake := Admit(AdmitInput{List: list, Rules: rules, Now: at(2)}); wake != at(10) {
		t.Errorf("looked at again at %s", wake)
	}
}

// TestASmallerMaxSendsNobodyAway: it is for those that come.
func TestASmallerMaxSendsNobodyAway(t *testing.T) {
	rules := map[string]*model.Previews{"shop": {TTL: 10 * time.Hour, Max: 2}}
	ran, _ := Admit(AdmitInput{List: Renew(nil, []Preview{{App: "shop", Number: 1}, {App: "shop", Number: 2}}, at(0)), Rules: rules, Now: at(0)})
	list := Renew([]Preview{ran[0].Preview, ran[1].Preview}, []Preview{{App: "shop", Number: 1}, {App: "shop", Number: 2}, {App: "shop", Number: 3}}, at(1))
	rules["shop"].Max = 1
	if got, want := states(AdmitInput{List: list, Rules: rules, Now: at(1)}), "[1 running 2 running 3 queued]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	one := []Preview{ran[0].Preview}
	if _, wake := Admit(AdmitInput{List: one, Rules: rules, Refused: map[string]string{"shop-pr-1": "why"}, Now: at(1)}); wake != at(10) {
		t.Errorf("one that is refused is looked at again at %s, want when its time is over", wake)
	}
}

// TestNeverMoreThanMax, whatever the list, and nobody who runs is sent away by who
// comes later.
func TestNeverMoreThanMax(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := map[string]*model.Previews{"shop": {TTL: time.Hour * time.Duration(rapid.IntRange(1, 9).Draw(t, "ttl")), Max: rapid.IntRange(1, 4).Draw(t, "max")}}
		var list []Preview
		var ran []int
		for hour := range rapid.IntRange(1, 6).Draw(t, "hours") {
			var next []Preview
			for n := 1; n <= 8; n++ {
				if rapid.Bool().Draw(t, "there") || slices.Contains(ran, n) {
					next = append(next, Preview{App: "shop", Number: n, Head: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "head")})
				}
			}
			list = Renew(list, next, at(hour))
			out, _ := Admit(AdmitInput{List: list, Rules: rules, Now: at(hour)})
			var runs []int
			for i, a := range out {
				list[i] = a.Preview
				if a.State == Running {
					runs = append(runs, a.Number)
				} else if slices.Contains(ran, a.Number) && a.State != Expired {
					t.Fatalf("%d ran and is %s now", a.Number, a.State)
				}
			}
			if len(runs) > rules["shop"].Max {
				t.Fatalf("%v run, at most %d may", runs, rules["shop"].Max)
			}
			ran = runs
		}
	})
}
