package shape

import (
	"fmt"
	"strings"
)

// Rules are what a field's check tag asks of its value. Format, Min, Max and
// Enum hold for the value or, where the field is a list or a map, for each of
// its elements.
type Rules struct {
	Required bool
	NonEmpty bool     // a list or map with at least one element
	Unique   bool     // a list without repeated elements
	Min, Max string   // bounds, in the notation of the field's type
	Enum     []string // the only values allowed
	Format   string   // the name of a Format
	Keys     string   // the name of the Format of a map's keys
	// Ref is the kind of document that the value names, which must exist.
	Ref string
}

// Element is what of the rules concerns one element of a list or map.
func (r Rules) Element() Rules {
	return Rules{Min: r.Min, Max: r.Max, Enum: r.Enum, Format: r.Format, Ref: r.Ref}
}

func parseRules(where, tag string) Rules {
	var r Rules
	for _, rule := range list(tag) {
		name, value, _ := strings.Cut(rule, "=")
		if !r.set(name, value) {
			panic(fmt.Sprintf("shape: field %s has an unknown rule %q", where, rule))
		}
	}
	for _, format := range []string{r.Format, r.Keys} {
		if _, ok := formats[format]; format != "" && !ok {
			panic(fmt.Sprintf("shape: field %s has an unknown format %q", where, format))
		}
	}
	return r
}

func (r *Rules) set(name, value string) bool {
	switch name {
	case "required":
		r.Required = true
	case "nonEmpty":
		r.NonEmpty = true
	case "unique":
		r.Unique = true
	case "min":
		r.Min = value
	case "max":
		r.Max = value
	case "enum":
		r.Enum = strings.Split(value, "|")
	case "format":
		r.Format = value
	case "keys":
		r.Keys = value
	case "ref":
		r.Ref = value
	default:
		return false
	}
	return true
}
