package model

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Portion is a count, or a share of some total in percent. Which way a share
// that is no whole number is rounded depends on what it bounds, so whoever asks
// says it: what has to be there is rounded up, what may be away down, so that
// rounding never allows more than was written.
type Portion struct {
	N       int
	Percent bool
}

// Up is the portion of a total, rounded up.
func (p Portion) Up(total int) int {
	if !p.Percent {
		return p.N
	}
	return (p.N*total + 99) / 100
}

// Down is the portion of a total, rounded down.
func (p Portion) Down(total int) int {
	if !p.Percent {
		return p.N
	}
	return p.N * total / 100
}

// String is the portion as it is written in a manifest.
func (p Portion) String() string {
	if p.Percent {
		return strconv.Itoa(p.N) + "%"
	}
	return strconv.Itoa(p.N)
}

// MarshalJSON writes a count as a number and a share as a text.
func (p Portion) MarshalJSON() ([]byte, error) {
	if p.Percent {
		return json.Marshal(p.String())
	}
	return json.Marshal(p.N)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Portion) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	digits, percent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return fmt.Errorf("read portion %q: not a number or a percentage", text)
	}
	*p = Portion{N: n, Percent: percent}
	return nil
}
