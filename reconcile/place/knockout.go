package place

// nobody is in a place that no entrant has.
const nobody = -1

// knockout finds the best of many entrants, which are numbers, while now and then
// some of them change. It is a tournament of which every match is remembered: who
// changes plays again on the way to the final, and the others don't.
type knockout struct {
	before func(a, b int32) bool // never equal
	place  []int32               // of each entrant
	first  int                   // where the first round begins in won
	won    []int32               // won[i] is the better of won[2i] and won[2i+1], so won[1] is the best
}

// newKnockout takes the entrants in the order of their places. Nothing is played yet.
func newKnockout(entrants []int32, before func(a, b int32) bool) knockout {
	k := knockout{before: before, place: make([]int32, len(entrants)), first: 1}
	for k.first < len(entrants) {
		k.first *= 2
	}
	k.won = make([]int32, 2*k.first)
	for i := range k.won {
		k.won[i] = nobody
	}
	for i, e := range entrants {
		k.won[k.first+i] = e
		k.place[e] = int32(i)
	}
	return k
}

// best is the winner of the final.
func (k *knockout) best() int32 { return k.won[1] }

func (k *knockout) playAll() {
	for i := k.first - 1; i > 0; i-- {
		k.won[i] = k.match(i)
	}
}

// replay is for when the entrants in the places from first to last have changed,
// all of them alike: among themselves nothing is new, so only the matches against
// others are played, which are on the ways from both ends.
func (k *knockout) replay(first, last int32) {
	a, b := (k.first+int(first))/2, (k.first+int(last))/2
	for ; a != b; a, b = a/2, b/2 {
		k.won[a], k.won[b] = k.match(a), k.match(b)
	}
	for ; a > 0; a /= 2 {
		was, now := k.won[a], k.match(a)
		k.won[a] = now
		if now == was && (now == nobody || k.place[now] < first || k.place[now] > last) {
			return // who has changed goes no further, neither before nor now
		}
	}
}

func (k *knockout) match(i int) int32 {
	a, b := k.won[2*i], k.won[2*i+1]
	if b == nobody || a != nobody && k.before(a, b) {
		return a
	}
	return b
}
