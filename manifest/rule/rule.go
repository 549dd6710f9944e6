package rule

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"

	"github.com/tallyman-io/tallyman/manifest/shape"
)

const (
	// maxLength is how many characters an expression may have.
	maxLength = 2048
	// maxCost is how much one judgement may cost, in CEL's units: about as many
	// steps. A look at each of 100,000 changes of a plan takes a third of it.
	maxCost = 3_000_000
	// maxSize is how many elements a value may have, with all that is in it.
	maxSize = 1_000_000
	// maxDepth is how deep a value may be nested.
	maxDepth = 32
	// sampleEvery is how many steps of a loop are between two looks at the size
	// of what it gathers.
	sampleEvery = 1000
	// maxLoops and maxLists are how many macros such as all and map, and how many
	// lists, an expression may have. What types are made of by such loops takes
	// more and more time to check: that of maps in maps doubles with each.
	maxLoops = 16
	maxLists = 64
	// maxRegex is how large a regular expression may become.
	maxRegex = 1000
)

// Language is what some expressions can speak of.
type Language struct {
	env   *cel.Env
	words *words
}

// NewLanguage makes the language of variables of these types, all of whose
// structs are in the catalog. Types that make no sense are a mistake in the
// program, and panic.
func NewLanguage(shapes shape.Catalog, variables map[string]reflect.Type) *Language {
	w := newWords(shapes)
	options := []cel.EnvOption{
		cel.CustomTypeAdapter(w), cel.CustomTypeProvider(w), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxLength), cel.ParserRecursionLimit(100), cel.ParserErrorRecoveryLimit(4), cel.RegexProgramSizeLimit(maxRegex),
		cel.CostSizingStrategy(cost.AggregateSizingStrategy(limits()...)), cel.ExtendedValidations(),
	}
	for name, t := range variables {
		options = append(options, cel.Variable(name, w.typeOf(t)))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		panic(fmt.Sprintf("rule: make language: %v", err))
	}
	return &Language{env, w}
}

func limits() []types.SizeCalculatorOption {
	return []types.SizeCalculatorOption{types.SizeCalculatorMaxDepth(maxDepth), types.SizeCalculatorMaxTraversal(maxSize)}
}

// Rule is an expression that has been read.
type Rule struct {
	program cel.Program
	words   *words
}

// Compile reads an expression. The error says what is wrong with it and where in
// it.
func (l *Language) Compile(text string) (*Rule, error) {
	if n := len([]rune(text)); n > maxLength {
		return nil, fmt.Errorf("has %d characters, at most %d", n, maxLength)
	}
	parsed, issues := l.env.Parse(text)
	if issues.Err() != nil {
		return nil, firstOf(issues.Errors(), text)
	}
	if err := simple(parsed); err != nil {
		return nil, err
	}
	checked, issues := l.env.Check(parsed)
	if issues.Err() != nil {
		return nil, firstOf(issues.Errors(), text)
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("gives %s, and must give true or false", nameOf(t))
	}
	program, err := l.env.Program(checked,
		cel.CostLimit(maxCost), cel.MemoryLimit(maxSize),
		cel.MemoryTracking(types.MemoryTrackerSampleInterval(sampleEvery), types.MemoryTrackerSizeCalculator(types.NewSizeCalculator(limits()...))),
	)
	if err != nil {
		return nil, fmt.Errorf("can't be used: %w", err)
	}
	return &Rule{program, l.words}, nil
}

// simple refuses what it might take too long to check.
func simple(parsed *cel.Ast) error {
	count := map[ast.ExprKind]int{}
	ast.PreOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) { count[e.Kind()]++ }))
	switch {
	case count[ast.MapKind]+count[ast.StructKind] > 0:
		return errors.New("makes a map, which rules can't do: compare values one by one")
	case count[ast.ComprehensionKind] > maxLoops:
		return fmt.Errorf("has more than %d loops such as all and map: write several rules", maxLoops)
	case count[ast.ListKind] > maxLists:
		return fmt.Errorf("has more than %d lists: write several rules", maxLists)
	}
	return nil
}

// firstOf is the first error; those after it are often its consequence.
func firstOf(errs []*common.Error, text string) error {
	first := errs[0]
	message := strings.TrimSuffix(strings.TrimSpace(first.Message), " (in container '')")
	message, _, _ = strings.Cut(message, " expecting {") // all that there could be
	at := fmt.Sprintf("character %d", first.Location.Column()+1)
	if strings.Contains(strings.TrimSpace(text), "\n") {
		at = fmt.Sprintf("line %d, %s", first.Location.Line(), at)
	}
	return fmt.Errorf("%s, at its %s", strings.ReplaceAll(message, "\n", " "), at)
}

func nameOf(t *cel.Type) string {
	name := cel.FormatCELType(t)
	return "a value of type " + strings.ReplaceAll(name, prefix, "")
}

// Holds judges the rule. The error says why it can't be judged.
func (r *Rule) Holds(values map[string]any) (bool, error) {
	variables := make(map[string]any, len(values))
	for name, v := range values {
		variables[name] = r.words.valueOf(reflect.ValueOf(v))
	}
	out, _, err := r.program.Eval(variables)
	switch {
	case err != nil && strings.Contains(err.Error(), "cost limit exceeded"):
		return false, errors.New("takes too many steps")
	case err != nil && strings.Contains(err.Error(), "memory limit exceeded"):
		return false, errors.New("makes values that are too large")
	case err != nil:
		return false, err
	}
	holds, ok := out.(types.Bool)
	if !ok {
		return false, fmt.Errorf("gives %v, and must give true or false", out.Type())
	}
	return bool(holds), nil
}
