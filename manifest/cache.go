package manifest

// cacheLoads is for how many loads an entry that is not used stays: revisions
// that are looked at in turn, such as the newest and the one held, share one
// Loader.
const cacheLoads = 8

// cache remembers by content hash what files hold. Files without a hash are
// not remembered. It is not safe for concurrent use.
type cache struct {
	load    int
	files   map[string]*cached[parsed]
	configs map[string]*cached[[]byte]
}

type cached[T any] struct {
	value T
	used  int
}

func (c *cache) begin() {
	c.load++
	if c.files == nil {
		c.files = map[string]*cached[parsed]{}
		c.configs = map[string]*cached[[]byte]{}
	}
}

func (c *cache) parsed(hash string) (parsed, bool) { return get(c.files, hash, c.load) }

func (c *cache) keepParsed(hash string, p parsed) { keep(c.files, hash, c.load, p) }

func (c *cache) config(hash string) ([]byte, bool) { return get(c.configs, hash, c.load) }

func (c *cache) keepConfig(hash string, data []byte) { keep(c.configs, hash, c.load, data) }

// end forgets what has not been used for a while.
func (c *cache) end() {
	expire(c.files, c.load-cacheLoads)
	expire(c.configs, c.load-cacheLoads)
}

func get[T any](m map[string]*cached[T], hash string, load int) (T, bool) {
	e, ok := m[hash]
	if !ok || hash == "" {
		var none T
		return none, false
	}
	e.used = load
	return e.value, true
}

func keep[T any](m map[string]*cached[T], hash string, load int, value T) {
	if hash != "" {
		m[hash] = &cached[T]{value, load}
	}
}

func expire[T any](m map[string]*cached[T], before int) {
	for hash, e := range m {
		if e.used <= before {
			delete(m, hash)
		}
	}
}
