package proposal

import (
	"slices"
	"testing"
)

func TestDifferences(t *testing.T) {
	from := map[string]string{"a": "1", "b": "1", "gone": "1", "spec.endpoint": "ssh://deploy:s3cret@edge-1"}
	to := map[string]string{"a": "1", "b": "2", "new": "1", "spec.endpoint": "ssh://deploy:0ther@edge-1:2222/run/docker.sock"}
	want := []Field{{"b", "1", "2"}, {"gone", "1", ""}, {"new", "", "1"}, {"spec.endpoint", "ssh://deploy:xxxxx@edge-1", "ssh://deploy:xxxxx@edge-1:2222/run/docker.sock"}}
	if got := differences(from, to); !slices.Equal(got, want) {
		t.Errorf("they are %v", got)
	}
	if got := masked("ssh://a:b:%zz@c"); got != "(an address that can't be read)" {
		t.Errorf("what can't be read is shown: %s", got)
	}
}
