package manifest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Duration is a time span, written as `10s` or `1m30s`.
type Duration time.Duration

// Format names the notation.
func (*Duration) Format() string { return "duration" }

// Accepts says that a duration is a text.
func (*Duration) Accepts() []string { return []string{"string"} }

// UnmarshalText reads the notation.
func (d *Duration) UnmarshalText(text []byte) error {
	span, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("is out of range: must be at most %dh", math.MaxInt64/int64(time.Hour))
	}
	*d = Duration(span)
	return nil
}

// MarshalText writes the shortest form, down to milliseconds.
func (d Duration) MarshalText() ([]byte, error) {
	rest, out := time.Duration(d), ""
	for _, unit := range []struct {
		span time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := rest / unit.span; n > 0 {
			out += strconv.FormatInt(int64(n), 10) + unit.name
			rest -= n * unit.span
		}
	}
	if out == "" {
		out = "0s"
	}
	return []byte(out), nil
}

// RuleValue is the span as policies see it.
func (d Duration) RuleValue() any { return time.Duration(d) }

// Size is a number of bytes, written as `256MiB`, `64kB` or a plain number.
type Size int64

type sizeUnit struct {
	name  string
	bytes int64
}

// sizeUnits are in the order in which MarshalText prefers them.
func sizeUnits() []sizeUnit {
	return []sizeUnit{
		{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
		{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1},
	}
}

// Format names the notation.
func (*Size) Format() string { return "size" }

// Accepts says that a size is a text or a number of bytes.
func (*Size) Accepts() []string { return []string{"string", "integer"} }

// UnmarshalText reads the notation.
func (s *Size) UnmarshalText(text []byte) error {
	digits, unit := strings.TrimRight(string(text), "kKMGTiB"), int64(1)
	for _, u := range sizeUnits() {
		if string(text[len(digits):]) == u.name {
			unit = u.bytes
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > math.MaxInt64/unit {
		return fmt.Errorf("is out of range: must be at most %dTiB", math.MaxInt64>>40)
	}
	*s = Size(n * unit)
	return nil
}

// MarshalText writes the size in the unit that needs the fewest digits.
func (s Size) MarshalText() ([]byte, error) {
	if s == 0 {
		return []byte("0B"), nil
	}
	best := ""
	for _, u := range sizeUnits() {
		text := strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		if int64(s)%u.bytes == 0 && (best == "" || len(text)-len(u.name) < len(strings.TrimRight(best, "kKMGTiB"))) {
			best = text
		}
	}
	return []byte(best), nil
}

// RuleValue is the number of bytes as policies see it.
func (s Size) RuleValue() any { return int64(s) }

// CPUs is a number of CPUs in billionths, written as `0.5`.
type CPUs int64

// Format names the notation.
func (*CPUs) Format() string { return "cpus" }

// Accepts says that it is a number.
func (*CPUs) Accepts() []string { return []string{"integer", "number"} }

// UnmarshalText reads the notation, exactly.
func (c *CPUs) UnmarshalText(text []byte) error {
	whole, fraction, _ := strings.Cut(string(text), ".")
	fraction += strings.Repeat("0", 9-len(fraction))
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil {
		return fmt.Errorf("is out of range: must be at most %d", math.MaxInt64/int64(1e9))
	}
	*c = CPUs(n)
	return nil
}

// MarshalYAML writes the number without an exponent.
func (c CPUs) MarshalYAML() (any, error) {
	text := fmt.Sprintf("%d.%09d", int64(c)/1e9, int64(c)%1e9)
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	return &yaml.Node{Kind: yaml.ScalarNode, Value: text}, nil
}

// RuleValue is the number of CPUs as policies see it.
func (c CPUs) RuleValue() any { return float64(c) / 1e9 }

// FileMode are permission bits, written as the text "0444".
type FileMode uint32

// Format names the notation.
func (*FileMode) Format() string { return "mode" }

// Accepts says that it is a text, because YAML versions differ about numbers
// that begin with 0.
func (*FileMode) Accepts() []string { return []string{"string"} }

// UnmarshalText reads the notation.
func (m *FileMode) UnmarshalText(text []byte) error {
	bits, err := strconv.ParseUint(string(text), 8, 32)
	*m = FileMode(bits)
	return err
}

// MarshalText writes the notation.
func (m FileMode) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint32(m)), nil }

// Restart is the engine's restart policy.
type Restart struct {
	Policy string
	// Times is how often on-failure starts again; 0 is without end.
	Times int
}

// Format names the notation.
func (*Restart) Format() string { return "restart" }

// Accepts says that it is a text.
func (*Restart) Accepts() []string { return []string{"string"} }

// UnmarshalText reads the notation.
func (r *Restart) UnmarshalText(text []byte) error {
	policy, times, limited := strings.Cut(string(text), ":")
	*r = Restart{Policy: policy}
	if !limited {
		return nil
	}
	n, err := strconv.Atoi(times)
	r.Times = n
	return err
}

// MarshalText writes the notation.
func (r Restart) MarshalText() ([]byte, error) {
	if r.Times > 0 {
		return fmt.Appendf(nil, "%s:%d", r.Policy, r.Times), nil
	}
	return []byte(r.Policy), nil
}

// Portion is a number of replicas, written as `2`, or a share of all of them,
// written as "25%".
type Portion struct {
	N       int
	Percent bool
}

// Format names the notation.
func (*Portion) Format() string { return "portion" }

// Accepts says that a count is a number and a share a text.
func (*Portion) Accepts() []string { return []string{"string", "integer"} }

// UnmarshalText reads the notation.
func (p *Portion) UnmarshalText(text []byte) error {
	digits, percent := strings.CutSuffix(string(text), "%")
	n, err := strconv.Atoi(digits)
	*p = Portion{n, percent}
	return err
}

// MarshalYAML writes the form that was given.
func (p Portion) MarshalYAML() (any, error) {
	if p.Percent {
		return strconv.Itoa(p.N) + "%", nil
	}
	return p.N, nil
}

// RuleValue is the portion as policies see it: as it is written.
func (p Portion) RuleValue() any {
	if p.Percent {
		return strconv.Itoa(p.N) + "%"
	}
	return strconv.Itoa(p.N)
}

// of is the portion of a total, rounded up.
func (p Portion) of(total int) int {
	if p.Percent {
		return (p.N*total + 99) / 100
	}
	return p.N
}

// Promotion is when replicas follow their canary: after a time, or when a
// person says so.
type Promotion struct {
	After  Duration
	Manual bool
}

// Format names the notation.
func (*Promotion) Format() string { return "promotion" }

// Accepts says that it is a text.
func (*Promotion) Accepts() []string { return []string{"string"} }

// UnmarshalText reads the notation.
func (p *Promotion) UnmarshalText(text []byte) error {
	*p = Promotion{Manual: string(text) == "manual"}
	if p.Manual {
		return nil
	}
	return p.After.UnmarshalText(text)
}

// MarshalText writes the notation.
func (p Promotion) MarshalText() ([]byte, error) {
	if p.Manual {
		return []byte("manual"), nil
	}
	return p.After.MarshalText()
}
