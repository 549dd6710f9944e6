package report

import (
	"fmt"
	"strings"
)

// barWidth is how long a bar is.
const barWidth = 8

// cpuCell is how much of a host's CPUs is set aside, or how many it has.
func (h *Host) cpuCell() cell {
	if h.Capacity.CPUs == 0 {
		return word(number(h.CPUs))
	}
	return bar(h.Reserved.CPUs/h.Capacity.CPUs, atLeastZero(number(h.Reserved.CPUs))+" of "+number(h.Capacity.CPUs))
}

// memoryCell is the same of its memory.
func (h *Host) memoryCell() cell {
	if h.Capacity.Memory == 0 {
		return word(size(h.Memory))
	}
	share := float64(h.Reserved.Memory) / float64(h.Capacity.Memory)
	return bar(share, atLeastZero(size(h.Reserved.Memory))+" of "+size(h.Capacity.Memory))
}

// overcommitted says that more is set aside than the host has, or "": reservations
// have grown, or its capacity has shrunk, under replicas that stay.
func (h *Host) overcommitted() string {
	var over []string
	if c := h.Capacity.Memory; c > 0 && h.Reserved.Memory > c {
		over = append(over, fmt.Sprintf("%dMiB of %dMiB of memory", h.Reserved.Memory>>20, c>>20))
	}
	if c := h.Capacity.CPUs; c > 0 && h.Reserved.CPUs > c {
		over = append(over, number(h.Reserved.CPUs)+" of "+number(c)+" CPUs")
	}
	if len(over) == 0 {
		return ""
	}
	return "more is set aside than it has: " + strings.Join(over, ", ")
}

// bar draws a share before what it is a share of. More than there is is red, and
// whatever is more than nothing can be seen.
func bar(share float64, text string) cell {
	full := min(int(share*barWidth+0.5), barWidth)
	color := plain
	if share > 0 {
		full = max(full, 1)
	}
	if share > 1 {
		color = red
	}
	return colored(strings.Repeat("█", full)+strings.Repeat("░", barWidth-full)+" "+text, color)
}

// atLeastZero is a number, also where a dash would stand for it.
func atLeastZero(number string) string {
	if number == "-" {
		return "0"
	}
	return number
}
