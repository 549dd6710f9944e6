package rule_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tallyman-io/tallyman/manifest/rule"
	"github.com/tallyman-io/tallyman/manifest/shape"
)

// span stands for a type of its own that expressions see as another one.
type span time.Duration

func (span) Format() string              { return "duration" }
func (s span) RuleValue() any            { return time.Duration(s) }
func (*span) UnmarshalText([]byte) error { return nil }
func (*span) Accepts() []string          { return nil }

// either is one that expressions see as a struct.
type either struct{ text string }

type parts struct {
	Text string `yaml:"text"`
}

func (e either) RuleValue() any        { return parts{e.text} }
func (*either) Schema() map[string]any { return nil }
func (*either) Forms() string          { return "" }

type inner struct {
	Size int `yaml:"size"`
}

type thing struct {
	Name   string            `yaml:"name"`
	On     bool              `yaml:"on"`
	Labels map[string]string `yaml:"labels"`
	List   []string          `yaml:"list"`
	Inner  *inner            `yaml:"inner"`
	Many   []inner           `yaml:"many"`
	Count  *int              `yaml:"count"`
	Grace  span              `yaml:"grace"`
	Env    map[string]either `yaml:"env"`
}

func language() *rule.Language {
	t := reflect.TypeFor[thing]()
	return rule.NewLanguage(shape.NewCatalog(t), map[string]reflect.Type{"it": t, "kind": reflect.TypeFor[string]()})
}

func full() thing {
	return thing{
		Name: "web", On: true, Labels: map[string]string{"team": "a", "b": "c"}, List: []string{"x", "y"}, Inner: &inner{3},
		Many: []inner{{1}, {2}}, Grace: span(10 * time.Second), Env: map[string]either{"LOG": {"debug"}},
	}
}

func holds(t *testing.T, text string, it thing) (bool, error) {
	t.Helper()
	r, err := language().Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r.Holds(map[string]any{"it": it, "kind": "Thing"})
}

func TestHolds(t *testing.T) {
	for text, want := range map[string]struct{ full, empty bool }{
		`it.name == "web"`:                                   {true, false},
		`!it.on`:                                             {false, true},
		`!has(it.on) || !it.on`:                              {false, true},
		`has(it.inner)`:                                      {true, false},
		`has(it.labels) && has(it.list)`:                     {true, false},
		`it.inner.size == 3`:                                 {true, false},
		`it.inner.size == 0`:                                 {false, true},
		`it.many.all(m, m.size < 2)`:                         {false, true},
		`"team" in it.labels`:                                {true, false},
		`it.labels.all(k, k.size() > 1)`:                     {false, true},
		`it.count == 0`:                                      {true, true},
		`it.grace <= duration("9s")`:                         {false, true},
		`it.env.all(k, it.env[k].text != "debug")`:           {false, true},
		`it.name.matches("^[a-z]+$") && kind == "Thing"`:     {true, false},
		`it.list.exists(x, x == "y") ? it.name != "" : true`: {true, true},
		`it.list + ["z"] == ["x", "y", "z"]`:                 {true, false},
	} {
		for it, want := range map[*thing]bool{{}: want.empty, ptr(full()): want.full} {
			got, err := holds(t, text, *it)
			if err != nil || got != want {
				t.Errorf("%s of %+v: %t, %v; want %t", text, *it, got, err, want)
			}
		}
	}
}

func ptr[T any](v T) *T { return &v }

// What can't be judged is no rule that is kept.
func TestWhatCannotBeJudgedSaysSo(t *testing.T) {
	for text, want := range map[string]string{
		`it.labels["owner"] == "a"`:                     "no such key: owner",
		`it.list[7] == "x"`:                             "index out of bounds: 7",
		`1 / it.many.filter(m, m.size > 5).size() == 1`: "division by zero",
		`it.inner == it.inner`:                          "no such overload",
		`it.name.matches(it.name + "(")`:                "missing closing )",
	} {
		if got, err := holds(t, text, full()); got || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %t, %v; want an error with %q", text, got, err, want)
		}
	}
}

func TestMistakesAreFoundBeforeAnythingIsJudged(t *testing.T) {
	for text, want := range map[string]string{
		`it.nmae == "web"`:                      "undefined field 'nmae', at its character 3",
		"it.on\n&& it.inner.szie > 1":           "undefined field 'szie', at its line 2, character 12",
		`has(it.nmae)`:                          "undefined field 'nmae'",
		`it.many.all(m, m.syze > 1)`:            "undefined field 'syze'",
		`them.name == "web"`:                    "undeclared reference to 'them'",
		`it.name == 3`:                          "no matching overload",
		`it.name`:                               "gives a value of type string, and must give true or false",
		`it.inner`:                              "gives a value of type inner",
		`dyn(true)`:                             "gives a value of type dyn",
		`it.name ==`:                            "Syntax error",
		``:                                      "Syntax error",
		`it.name.matches("(")`:                  "invalid matches argument",
		`duration("x") == it.grace`:             "duration",
		`[1, "a"] == []`:                        "expected type 'int' but found 'string'",
		`it.on && ` + strings.Repeat("x", 3000): "has 3009 characters, at most 2048",
	} {
		if _, err := language().Compile(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

// No expression, whatever it is made for, takes long or much.
func TestHostileExpressionsAreStopped(t *testing.T) {
	many := thing{Name: strings.Repeat("a", 1<<20)}
	for range 1000 {
		many.List = append(many.List, "x")
	}
	double := func(start, step, end string) string {
		return start + strings.Repeat(".map(a, "+step+")", 15) + end
	}
	for name, text := range map[string]string{
		"loops in loops":             `it.list.all(a, it.list.all(b, it.list.all(c, a == b && b == c)))`,
		"a list that doubles":        double("[[1]]", "a + a + a + a", ".size() == 0"),
		"a text that doubles":        double(`["x"]`, "a + a + a + a", `[0] == "x"`),
		"a tree that doubles":        "[1]" + strings.Repeat(".map(a, [a, a, a, a, a])", 10) + ".size() == 0",
		"trees that are compared":    double(`[dyn("x")]`, "dyn([a, a, a, a])", ".all(a, a == a)"),
		"a long text, over and over": `it.list.all(a, !it.name.contains(it.name + "b"))`,
		"a regular expression":       `it.list.all(a, !it.name.matches("(a*)*(a*)*(a*)*b"))`,
		"large repeats":              `it.name.matches("((a{1000}){1000}){1000}")`,
	} {
		t.Run(name, func(t *testing.T) {
			r, err := language().Compile(text)
			if err != nil {
				return // before it is judged
			}
			if got, err := r.Holds(map[string]any{"it": many, "kind": ""}); err == nil {
				t.Errorf("it was judged: %t", got)
			}
		})
	}
	for name, text := range map[string]string{
		"parentheses":    strings.Repeat("(", 1000) + "true" + strings.Repeat(")", 1000),
		"lists":          strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + " == []",
		"selections":     "it" + strings.Repeat(".inner", 300),
		"maps of maps":   "[1]" + strings.Repeat(".map(a, {a: a})", 30) + ".size() == 1",
		"lists of lists": "[1]" + strings.Repeat(".map(a, [a])", 100) + ".size() == 1",
		"many lists":     "[" + strings.Repeat("[1],", 400) + "[1]].size() == 1",
		"structs":        "tallyman.inner{size: 1}.size == 1",
		"macros":         strings.Repeat("[1].all(a, ", 150) + "true" + strings.Repeat(")", 150),
	} {
		if _, err := language().Compile(text); err == nil {
			t.Errorf("%s are accepted", name)
		}
	}
}

// The same rule gives the same answer, although Go's maps are in no order.
func TestMapsAreWalkedInOrder(t *testing.T) {
	it := thing{Labels: map[string]string{}}
	for _, c := range "qwertzuiopasdfghjklyxcvbnm" {
		it.Labels[string(c)] = ""
	}
	for range 50 {
		if got, err := holds(t, `it.labels.map(k, k)[0] == "a" && it.labels.map(k, k)[25] == "z"`, it); !got || err != nil {
			t.Fatal("the keys are in another order", err)
		}
	}
}

// FuzzExpression: any text is read and judged, or refused with a reason.
func FuzzExpression(f *testing.F) {
	for _, text := range []string{`it.name == "a"`, `it.many.all(m, m.size > 0)`, `has(it.inner)`, `[[1]].map(a, a + a) == []`, `it.name.matches("(")`, `1/0 == 1`, `it.grace < duration("1s")`, "\x00", `it.labels[""]`, `{"a": it}.a.on`, `type(it) == type(it)`, `it in [it]`} {
		f.Add(text)
	}
	l, it := language(), full()
	f.Fuzz(func(t *testing.T, text string) {
		r, err := l.Compile(text)
		if err != nil {
			if err.Error() == "" || strings.Contains(err.Error(), "\n") {
				t.Errorf("the reason is %q", err)
			}
			return
		}
		first, err := r.Holds(map[string]any{"it": it, "kind": "k"})
		again, errAgain := r.Holds(map[string]any{"it": it, "kind": "k"})
		if first != again || (err == nil) != (errAgain == nil) {
			t.Errorf("%t, %v and then %t, %v", first, err, again, errAgain)
		}
	})
}
