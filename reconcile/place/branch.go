package place

// branch is a failure domain as one service sees it: how many of its replicas are
// there, and which hosts could take another one, the best first. The branches
// make a tree, with one level for each attribute that the service is spread over,
// so that the best host of all is found at once, and only the branches on the way
// to it are put in order anew when it gets a replica.
type branch struct {
	replicas int
	size     int             // how many hosts there are to be
	parts    []*branch       // a heap; only those that have hosts
	hosts    []rated         // a heap; of the innermost branches
	of       map[int]*branch // all parts, by the number of their domain
}

// rated is a host with how good it is.
type rated struct {
	host  int32
	score score
}

// part is the branch for a domain, made when it is first asked for.
func (b *branch) part(domain int) *branch {
	if b.of == nil {
		b.of = map[int]*branch{}
	}
	if b.of[domain] == nil {
		b.of[domain] = &branch{}
	}
	return b.of[domain]
}

// at is the branch for a domain, which may have neither replicas nor hosts.
func (b *branch) at(domain int) *branch {
	if part := b.of[domain]; part != nil {
		return part
	}
	return &branch{}
}

// arrange puts what has been gathered in order.
func (b *branch) arrange() {
	for _, part := range b.of {
		part.arrange()
		if !part.empty() {
			b.parts = append(b.parts, part)
		}
	}
	heapify(b.parts, (*branch).before)
	heapify(b.hosts, rated.before)
}

func (b *branch) empty() bool { return len(b.parts) == 0 && len(b.hosts) == 0 }

// best is the host where a replica improves the spread most, or nowhere.
func (b *branch) best() int {
	switch {
	case len(b.parts) > 0:
		return b.parts[0].best()
	case len(b.hosts) > 0:
		return int(b.hosts[0].host)
	}
	return nowhere
}

// gave notes that the best host got a replica, and how good it is now; a host
// that takes no more goes.
func (b *branch) gave(next score, full bool) {
	b.replicas++
	switch {
	case len(b.parts) > 0:
		b.parts[0].gave(next, full)
		b.parts = settleFirst(b.parts, b.parts[0].empty(), (*branch).before)
	default:
		b.hosts[0].score = next
		b.hosts = settleFirst(b.hosts, full, rated.before)
	}
}

// before compares the failure domains in the order in which they are declared,
// and in the end the hosts. No two are equal.
func (b *branch) before(o *branch) bool {
	switch {
	case b.replicas != o.replicas:
		return b.replicas < o.replicas
	case len(b.parts) > 0:
		return b.parts[0].before(o.parts[0])
	}
	return b.hosts[0].before(o.hosts[0])
}

// before compares hosts; ties go to the first name, which is the order that the
// hosts are in.
func (a rated) before(b rated) bool {
	for i := range a.score {
		if a.score[i] != b.score[i] {
			return a.score[i] < b.score[i]
		}
	}
	return a.host < b.host
}

// heapify makes a heap of a slice.
func heapify[T any](heap []T, before func(a, b T) bool) {
	for i := len(heap)/2 - 1; i >= 0; i-- {
		sink(heap, i, before)
	}
}

// settleFirst restores a heap whose first element has changed, or goes.
func settleFirst[T any](heap []T, goes bool, before func(a, b T) bool) []T {
	if last := len(heap) - 1; goes {
		heap[0] = heap[last]
		heap = heap[:last]
	}
	sink(heap, 0, before)
	return heap
}

func sink[T any](heap []T, i int, before func(a, b T) bool) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(heap); child++ {
			if before(heap[child], heap[first]) {
				first = child
			}
		}
		if first == i {
			return
		}
		heap[i], heap[first] = heap[first], heap[i]
		i = first
	}
}
