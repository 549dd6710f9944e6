package manifest

import (
	"fmt"
	"regexp"
	"strings"
)

// Constraint is a comparison that a host must satisfy: with ==, != and a value,
// in, not in and several, or exists and not exists.
type Constraint struct {
	Attribute, Operator, Value string
	Values                     []string
}

// constraintParts takes apart what the format has accepted.
var constraintParts = regexp.MustCompile(`^\s*(\S+?)\s*(==|!=|\s(?:not\s+)?(?:in|exists)\b)\s*(.*?)\s*$`)

// Format names the notation.
func (*Constraint) Format() string { return "constraint" }

// Accepts says that it is a text.
func (*Constraint) Accepts() []string { return []string{"string"} }

// UnmarshalText reads the notation.
func (c *Constraint) UnmarshalText(text []byte) error {
	parts := constraintParts.FindStringSubmatch(string(text))
	if parts == nil {
		return fmt.Errorf("is not a comparison")
	}
	*c = Constraint{Attribute: parts[1], Operator: strings.Join(strings.Fields(parts[2]), " ")}
	list, several := strings.CutPrefix(parts[3], "(")
	if !several {
		c.Value = parts[3]
		return nil
	}
	for _, value := range strings.Split(strings.TrimSuffix(list, ")"), ",") {
		c.Values = append(c.Values, strings.TrimSpace(value))
	}
	return nil
}

// MarshalText writes the notation.
func (c Constraint) MarshalText() ([]byte, error) {
	text := c.Attribute + " " + c.Operator
	switch {
	case len(c.Values) > 0:
		text += " (" + strings.Join(c.Values, ", ") + ")"
	case c.Value != "":
		text += " " + c.Value
	}
	return []byte(text), nil
}
