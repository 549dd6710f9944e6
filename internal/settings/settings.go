// Package settings fills in the flags that were not given on the command line:
// from the environment, and after that from a configuration file. It knows the
// flags by their names only and not what they mean.
package settings

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
	"gopkg.in/yaml.v3"

	"github.com/tallyman-io/tallyman/internal/suggest"
)

// Prefix is what the variables begin with: --state-dir is TALLYMAN_STATE_DIR.
const Prefix = "TALLYMAN_"

// Variable is the name of a flag's environment variable.
func Variable(flag string) string {
	return Prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// Sources are where settings come from when they are not on the command line.
type Sources struct {
	// LookupEnv is os.LookupEnv.
	LookupEnv func(string) (string, bool)
	// File is a YAML mapping of flag names to values; "" is none.
	File string
	// Known are the flags of all verbs. A name in the file that is none of
	// them is an error; one that only other verbs have is not.
	Known []string
}

// Fill sets the flags that were not given.
func Fill(flags *pflag.FlagSet, from Sources) error {
	values, err := from.read()
	if err != nil {
		return err
	}
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || failed != nil || f.Name == "help" || f.Name == "version" || f.Name == "config" {
			return
		}
		source := "variable " + Variable(f.Name)
		value, found := from.LookupEnv(Variable(f.Name))
		if !found || value == "" {
			source = fmt.Sprintf("setting %s in %q", f.Name, from.File)
			value, found = values[f.Name]
		}
		if !found {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failed = fmt.Errorf("read %s: %q is not valid: %w", source, value, plain(err))
		}
	})
	return failed
}

// Unknown says what is wrong with variables that begin as settings do and are
// none: neither of one of the flags nor one of the others. Their values, which
// may be secrets, are not told.
func Unknown(environ, flags, others []string) []string {
	names := slices.Clone(others)
	for _, flag := range flags {
		names = append(names, Variable(flag))
	}
	var problems []string
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, Prefix) && value != "" && !slices.Contains(names, name) {
			problems = append(problems, fmt.Sprintf("variable %s is no setting%s", name, suggest.DidYouMean(name, names)))
		}
	}
	slices.Sort(problems)
	return problems
}

// WholeNumber is what a flag of type int takes.
const WholeNumber = "a whole number of at most 9223372036854775807"

// plain leaves out that pflag speaks of an argument, where there was none, and what
// only programmers know.
func plain(err error) error {
	var number *strconv.NumError
	if errors.As(err, &number) && number.Func == "ParseInt" {
		return errors.New("must be " + WholeNumber)
	}
	if e, ok := err.(*pflag.InvalidValueError); ok {
		return e.Unwrap()
	}
	return err
}

func (s Sources) read() (map[string]string, error) {
	if s.File == "" {
		return nil, nil
	}
	data, err := os.ReadFile(s.File)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, fmt.Errorf("read configuration %q: %w", s.File, err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Tag == "!!null" {
		return nil, nil // nothing but comments
	}
	values := map[string]string{}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("read configuration: %s:%d:%d: must be a mapping of settings to values", s.File, root.Line, root.Column)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if err := s.add(values, root.Content[i], root.Content[i+1]); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func (s Sources) add(values map[string]string, key, value *yaml.Node) error {
	at := fmt.Sprintf("read configuration: %s:%d:%d: %s", s.File, key.Line, key.Column, key.Value)
	known := false
	for _, name := range s.Known {
		known = known || name == key.Value
	}
	_, twice := values[key.Value]
	switch {
	case !known:
		return fmt.Errorf("%s: unknown setting%s", at, suggest.DidYouMean(key.Value, s.Known))
	case twice:
		return fmt.Errorf("%s: set twice", at)
	case value.Kind != yaml.ScalarNode:
		return fmt.Errorf("%s: must be a single value", at)
	}
	values[key.Value] = value.Value
	return nil
}
