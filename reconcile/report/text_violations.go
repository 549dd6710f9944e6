package report

import (
	"io"

	"github.com/tallyman-io/tallyman/reconcile/policy"
)

// ViolationsText writes which rules of policies are broken, if any are, to stand
// before what breaks them.
func ViolationsText(w io.Writer, broken []policy.Violation, style Style) error {
	if len(broken) == 0 {
		return nil
	}
	t := &text{Style: style}
	for _, v := range broken {
		t.line("%s", t.paint(alarm, "breaks "+clean(v.String())))
	}
	t.line("%s", "`tallyman apply` refuses this.")
	t.line("")
	return t.to(w)
}
