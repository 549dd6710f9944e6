package model

import (
	"encoding/json"
	"testing"
)

func TestPortionOfATotal(t *testing.T) {
	for _, tc := range []struct {
		portion         Portion
		total, up, down int
	}{
		{Portion{N: 2}, 10, 2, 2},
		{Portion{N: 2}, 1, 2, 2}, // a count is what it says, whatever the total
		{Portion{25, true}, 10, 3, 2},
		{Portion{25, true}, 8, 2, 2},
		{Portion{25, true}, 0, 0, 0},
		{Portion{1, true}, 1, 1, 0},
		{Portion{100, true}, 7, 7, 7},
		{Portion{0, true}, 7, 0, 0},
	} {
		if up, down := tc.portion.Up(tc.total), tc.portion.Down(tc.total); up != tc.up || down != tc.down {
			t.Errorf("%s of %d is %d rounded up and %d rounded down, want %d and %d", tc.portion, tc.total, up, down, tc.up, tc.down)
		}
	}
}

// TestPortionInJSON: a count stays the number that it always was, so that the
// digests of apps which use no percentage stay as they are.
func TestPortionInJSON(t *testing.T) {
	for want, p := range map[string]Portion{"2": {N: 2}, `"25%"`: {25, true}, "0": {}} {
		data, err := json.Marshal(p)
		if err != nil || string(data) != want {
			t.Errorf("%v is %s in JSON, want %s (%v)", p, data, want, err)
		}
		var back Portion
		if err := json.Unmarshal(data, &back); err != nil || back != p {
			t.Errorf("%s is read as %v, want %v (%v)", data, back, p, err)
		}
	}
	var p Portion
	if err := json.Unmarshal([]byte(`"many"`), &p); err == nil {
		t.Errorf("%q is read as %v", "many", p)
	}
}
