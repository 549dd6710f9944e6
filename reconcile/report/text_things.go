package report

import "strings"

func (t *text) volumeTable(s *Status) {
	rows := [][]cell{header("VOLUME", "APP", "HOST", "USE", "USED BY", "DRIVER", "AGE", "NAME ON HOST")}
	for i := range s.Volumes {
		v := &s.Volumes[i]
		use, color := string(v.Use), ""
		switch {
		case v.External:
			use += ", external"
		case v.Use == Orphaned:
			color = yellow
		}
		if v.Protect {
			use += ", protected"
		}
		rows = append(rows, []cell{
			word(or(v.Name)), word(or(v.App)), word(v.Host), colored(use, color), word(or(strings.Join(v.UsedBy, ", "))),
			word(or(clean(v.Driver))), word(ago(s.Time, v.CreatedAt)), word(v.HostName),
		})
	}
	t.table("", rows)
}

func (t *text) networkTable(s *Status) {
	rows := [][]cell{header("NETWORK", "APP", "HOST", "USED BY", "DRIVER", "AGE", "NAME ON HOST")}
	for i := range s.Networks {
		n := &s.Networks[i]
		driver := or(clean(n.Driver))
		if n.External {
			driver += ", external"
		}
		rows = append(rows, []cell{
			word(or(n.Name)), word(or(n.App)), word(n.Host), word(or(strings.Join(n.UsedBy, ", "))), word(driver),
			word(ago(s.Time, n.CreatedAt)), word(n.HostName),
		})
	}
	t.table("", rows)
}
