package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// ChecksText writes what is known of each host, and what is wrong with it.
func ChecksText(w io.Writer, checks []HostCheck, style Style) error {
	t := &text{Style: style}
	for i := range checks {
		t.gap()
		t.check(&checks[i])
	}
	return t.to(w)
}

func (t *text) check(c *HostCheck) {
	t.line("%s", t.paint(bold, "host "+c.Name)+" "+t.verdict(c))
	var f facts
	f.add("endpoint", c.Endpoint, plain)
	if c.Info.Version != "" {
		t.checkedFacts(&f, c)
	}
	t.table("  ", f.rows)
	for _, found := range c.Findings {
		color := yellow
		if found.Level == Wrong {
			color = red
		}
		t.line("  %s %s: %s", t.paint(color, string(found.Level)), found.About, clean(found.Text))
		if found.Do != "" {
			t.line("    → %s", found.Do)
		}
	}
}

func (t *text) verdict(c *HostCheck) string {
	switch {
	case !c.OK:
		return t.paint(red, "is not right")
	case len(c.Findings) > 0:
		return t.paint(green, "works") + ", with " + model.Count(len(c.Findings), "warning", "warnings")
	}
	return t.paint(green, "is fine")
}

func (t *text) checkedFacts(f *facts, c *HostCheck) {
	i := &c.Info
	f.add("engine", fmt.Sprintf("%s, API %s", i.Version, i.APIVersion), plain)
	f.add("system", fmt.Sprintf("%s, %s, %s, %s CPUs, %s", or(i.OSName), or(i.Kernel), i.Arch, number(float64(i.NanoCPUs)/1e9), size(i.Memory)), plain)
	f.add("cgroups", fmt.Sprintf("v%s, by %s", or(i.CgroupVersion), or(i.CgroupDriver)), plain)
	f.add("storage", fmt.Sprintf("%s in %s", or(i.StorageDriver), or(i.DataRoot)), plain)
	if d := c.Disk; d != nil {
		f.add("on disk", onDisk(d), plain)
	}
	f.add("clock", skewText(i.ClockSkew), plain)
}

// onDisk names what there is.
func onDisk(d *model.DiskUsage) string {
	var parts []string
	add := func(what string, bytes int64) {
		if bytes > 0 {
			parts = append(parts, what+" "+size(bytes))
		}
	}
	add("images", d.Images)
	add("of which unused", d.UnusedImages)
	add("containers", d.Containers)
	add("volumes", d.Volumes)
	add("build cache", d.BuildCache)
	return strings.Join(parts, ", ")
}
