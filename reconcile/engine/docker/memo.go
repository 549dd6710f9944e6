package docker

import "sync"

// memo keeps what was read from the engine until it is forgotten. Forgetting a
// key while it is being read makes that reading count for nothing: it may have
// been made just before the change. The zero value is ready.
type memo[V any] struct {
	mu      sync.Mutex
	values  map[string]V
	reading map[string]map[*reading]struct{}
}

// reading is one read under way.
type reading struct{ outdated bool }

// get is what is kept under key.
func (m *memo[V]) get(key string) (V, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.values[key]
	return v, ok
}

// read calls fetch and keeps its value, unless the key was forgotten
// meanwhile.
func (m *memo[V]) read(key string, fetch func() (V, error)) (V, error) {
	r := m.begin(key)
	v, err := fetch()
	m.end(key, r, func() {
		if err == nil && !r.outdated {
			m.values[key] = v
		}
	})
	return v, err
}

// load is get, and read when there is nothing kept or it is not trusted.
func (m *memo[V]) load(key string, trusted bool, fetch func() (V, error)) (V, error) {
	if v, ok := m.get(key); ok && trusted {
		return v, nil
	}
	return m.read(key, fetch)
}

func (m *memo[V]) begin(key string) *reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values, m.reading = map[string]V{}, map[string]map[*reading]struct{}{}
	}
	if m.reading[key] == nil {
		m.reading[key] = map[*reading]struct{}{}
	}
	r := &reading{}
	m.reading[key][r] = struct{}{}
	return r
}

func (m *memo[V]) end(key string, r *reading, store func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.reading[key], r)
	if len(m.reading[key]) == 0 {
		delete(m.reading, key)
	}
	store()
}

// forget drops one key.
func (m *memo[V]) forget(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.values, key)
	for r := range m.reading[key] {
		r.outdated = true
	}
}

// forgetAll drops everything.
func (m *memo[V]) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.values)
	for _, readings := range m.reading {
		for r := range readings {
			r.outdated = true
		}
	}
}

// retain drops the keys that are not wanted any more. One that another pass
// has just read may be among them, which costs that one another read.
func (m *memo[V]) retain(wanted func(key string) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.values {
		if !wanted(key) {
			delete(m.values, key)
		}
	}
}
