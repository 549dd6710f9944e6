package manifest

import "github.com/tallyman-io/tallyman/reconcile/schedule"

// checkCron refuses an expression in a field that names no times.
func (c *context) checkCron(field, expression string) {
	if expression == "" {
		return // it is not given, or reported already
	}
	if _, err := schedule.Parse(expression, ""); err != nil {
		c.at(field).errorf("can't be used: %v", err)
	}
}

// checkZone refuses a time zone that there is none of.
func (c *context) checkZone(zone string) {
	if _, err := schedule.Zone(zone); err != nil {
		c.at("timeZone").errorf("can't be used: %v", err)
	}
}
