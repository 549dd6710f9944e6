package suggest

import (
	"fmt"
	"testing"
)

func TestWhatWasMeant(t *testing.T) {
	verbs := []string{"status", "drain", "get", "db", "history", "state-dir", "owner"}
	for word, want := range map[string]string{
		"drian": "drain", "statu": "status", "http": "", "Status": "status", "gett": "get", "web": "", "x": "", "histroy": "history", "": "",
		"state-dri": "state-dir", "ower": "owner", "xyz": "",
	} {
		if got := Closest(word, verbs); got != want {
			t.Errorf("%q is taken for %q, not %q", word, got, want)
		}
	}
}

func TestAThousandNamesAreNotListed(t *testing.T) {
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf("host-%04d", i))
	}
	want := "; there is host-0000, host-0001, host-0002, host-0003, host-0004, host-0005, host-0006, host-0007, host-0008, host-0009 and 990 more"
	if got := Among("elsewhere", names); got != want {
		t.Errorf("of a thousand hosts a message lists %q", got)
	}
	if got := Among("hst-0007", names); got != ` (did you mean "host-0007"?)` {
		t.Errorf("a letter that is missing leads to %q", got)
	}
	if got := Among("host-0003", names[:2]); got != "; there is host-0000, host-0001" {
		t.Errorf("where there are two, the message says %q", got)
	}
}
