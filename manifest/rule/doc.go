// Package rule reads and judges the expressions of policies: one expression
// (CEL) that is true where all is well.
//
// What an expression can speak of are variables of Go types, which it sees by
// the names that manifests have for their fields. So an expression is checked
// against the fields that there are before anything is judged, and a misspelt
// one is an error and no rule that never applies. A field that nobody gave
// reads as its default or as empty; has() asks whether it is anything but empty.
//
// Judging an expression has no effect and the same result each time: there is
// neither a clock nor chance, maps are walked in the order of their keys, and
// what it may cost in steps and in memory is bounded. So is what it takes to read
// one: it may come from somebody who only proposes it.
package rule
