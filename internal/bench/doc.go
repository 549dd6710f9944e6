// Package bench measures the controller on a real engine against the raw
// Docker client doing the same calls in the same run, so that the figures are
// ratios, which hold better than seconds from machine to machine.
// docs/PERFORMANCE.md has the results and the commands.
package bench
