// Package shape reads what the struct tags of a manifest type say, once, so
// that the strict decoder, the JSON Schema and the written reference can't
// drift apart: a rule that all three need is one tag on one field.
//
// The tags are
//
//	yaml:"name,omitempty"      the field's name in a manifest
//	check:"required,min=1"     the rules, see Rules
//	default:"10s"              the value of a field that is not given
//	aka:"env,envs"             other tools' words for it, for "did you mean"
//
// A blank field (`_ struct{}`) carries what concerns a whole struct:
// `exactlyOne:"volume,bind"` and `reserved:"secret"`.
//
// The package knows nothing of YAML nodes, files or JSON: whoever applies a
// rule brings those.
package shape
