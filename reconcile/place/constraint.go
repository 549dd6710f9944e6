package place

import (
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// labelAttribute begins the attributes that people give a host.
const labelAttribute = "host.labels."

// The attributes that only the engine can tell.
const (
	archAttribute   = "host.arch"
	osAttribute     = "host.os"
	engineAttribute = "host.engine" // its version
)

// attributeOf is a host's value of an attribute, and whether it has one.
func attributeOf(h *host, attribute string) (value string, has bool) {
	switch attribute {
	case archAttribute:
		value = h.info.Arch
	case osAttribute:
		value = h.info.OS
	case engineAttribute:
		value = h.info.Version
	default:
		return h.Attribute(attribute)
	}
	return value, value != ""
}

// fromEngine says whether only the engine can tell the attribute.
func fromEngine(attribute string) bool {
	return attribute == archAttribute || attribute == osAttribute || attribute == engineAttribute
}

// unmet is the first constraint that h does not satisfy, or nil. What only the
// engine can say of itself is not held against a host that has not said it.
func unmet(constraints []model.Constraint, h *host) *model.Constraint {
	for i := range constraints {
		c := &constraints[i]
		value, has := attributeOf(h, c.Attribute)
		if !has && fromEngine(c.Attribute) {
			continue
		}
		if !c.Meets(value, has) {
			return c
		}
	}
	return nil
}

func constraintReason(v view) reason {
	c := unmet(v.service.Placement.Constraints, v.host)
	label, isLabel := strings.CutPrefix(c.Attribute, labelAttribute)
	if !isLabel {
		return reason{one: "does not satisfy " + c.String(), many: "do not satisfy " + c.String()}
	}
	switch c.Operator {
	case model.OpEqual:
		label += "=" + c.Value
	case model.OpIn:
		label += " in (" + strings.Join(c.Values, ", ") + ")"
	case model.OpNotEqual:
		label += "=" + c.Value
	case model.OpNotIn:
		value, _ := attributeOf(v.host, c.Attribute)
		label += "=" + value
	}
	switch c.Operator {
	case model.OpEqual, model.OpIn, model.OpExists:
		return reason{one: "lacks label " + label, many: "lack label " + label}
	}
	return reason{one: "has label " + label, many: "have label " + label}
}
