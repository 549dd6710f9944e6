package model

import "strconv"

// Count is a number of things for people: "1 host", "3 hosts".
func Count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
