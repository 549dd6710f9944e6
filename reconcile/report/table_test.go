package report

import (
	"strings"
	"testing"
)

// A whole digest leaves no room for what comes after it; where nothing does it is
// told whole.
func TestDigestsLeaveRoomForWhatFollows(t *testing.T) {
	whole := "web:1@sha256:" + strings.Repeat("0123456789abcdef", 4)
	var got text
	got.table("", [][]cell{header("IMAGE", "WHY"), {word(whole), word("is not " + whole)}})
	want := "IMAGE               WHY\nweb:1@0123456789ab  is not " + whole + "\n"
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}
