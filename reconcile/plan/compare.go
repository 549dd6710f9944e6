package plan

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// overlay is a spec's map laid over the image's.
type overlay struct{ want, image map[string]string }

func (o overlay) get(key string) (string, bool) {
	if v, ok := o.want[key]; ok {
		return v, true
	}
	v, ok := o.image[key]
	return v, ok
}

func (o overlay) keys() []string {
	keys := slices.AppendSeq(make([]string, 0, len(o.want)+len(o.image)), maps.Keys(o.want))
	return slices.AppendSeq(keys, maps.Keys(o.image))
}

// maps compares key by key; the difference of each key has its own line.
func (c *comparison) maps(field string, want overlay, live map[string]string) {
	if sameMap(want, live) {
		return
	}
	keys := slices.AppendSeq(want.keys(), maps.Keys(live))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		to, wanted := want.get(key)
		from, there := live[key]
		if wanted != there || from != to {
			c.replace(keyed(field, key), quoteEmpty(from, there), quoteEmpty(to, wanted))
		}
	}
}

// sameMap allocates nothing: it runs for every replica in every pass.
func sameMap(want overlay, live map[string]string) bool {
	for key, value := range live {
		if v, ok := want.get(key); !ok || v != value {
			return false
		}
	}
	for _, side := range [...]map[string]string{want.want, want.image} {
		for key := range side {
			if _, ok := live[key]; !ok {
				return false
			}
		}
	}
	return true
}

// quoteEmpty tells an empty value from none.
func quoteEmpty(s string, present bool) string {
	if present && s == "" {
		return `""`
	}
	return s
}

func (c *comparison) list(field string, want, live []string) {
	if !slices.Equal(want, live) {
		c.replace(field, quoteList(live), quoteList(want))
	}
}

func (c *comparison) flag(field string, want, live bool) {
	if want != live {
		c.replace(field, strconv.FormatBool(live), strconv.FormatBool(want))
	}
}

// pair are the two sides of one list.
type pair[T any] struct{ want, live []T }

// entries compares two sorted lists whose elements come and go one by one. Show
// gives an element's key, which is the last part of its path, and the rest of it.
func entries[T comparable](c *comparison, field string, of pair[T], show func(T) (key, rest string)) {
	if slices.Equal(of.want, of.live) {
		return
	}
	want, live := byKey(of.want, show), byKey(of.live, show)
	keys := slices.AppendSeq(slices.Collect(maps.Keys(want)), maps.Keys(live))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if !slices.Equal(want[key], live[key]) {
			c.replace(keyed(field, key), together(live[key], show), together(want[key], show))
		}
	}
}

func byKey[T any](list []T, show func(T) (key, rest string)) map[string][]T {
	out := make(map[string][]T, len(list))
	for _, element := range list {
		key, _ := show(element)
		out[key] = append(out[key], element)
	}
	return out
}

// together shows all elements that have one key.
func together[T any](list []T, show func(T) (key, rest string)) string {
	var shown []string
	for _, element := range list {
		_, rest := show(element)
		shown = append(shown, rest)
	}
	return strings.Join(shown, ", ")
}

func showWord(s string) (key, rest string) { return s, "listed" }

func showFile(f model.File) (key, rest string) {
	owner := ""
	if f.UID != 0 || f.GID != 0 {
		owner = " owner " + strconv.Itoa(f.UID) + ":" + strconv.Itoa(f.GID)
	}
	what := "content " + shortID(f.Digest)
	if f.Secret != "" {
		what = "secret " + f.Secret
	}
	return f.Path, what + " mode 0" + strconv.FormatUint(uint64(f.Mode), 8) + owner
}

func showMount(m model.Mount) (key, rest string) {
	rest = m.Kind
	if m.Source != "" {
		rest += " " + m.Source
	}
	if m.Size != 0 {
		rest += " size " + size(m.Size)
	}
	if m.ReadOnly {
		rest += " read-only"
	}
	return m.Target, rest
}

func showPort(p model.Port) (key, rest string) {
	rest = "published " + strconv.Itoa(int(p.Published))
	if p.Published == 0 {
		rest = "published by the engine's choice"
	}
	if p.HostIP != "" {
		rest += " on " + p.HostIP
	}
	return strconv.Itoa(int(p.Container)) + "/" + p.Protocol, rest
}

func showDevice(d model.Device) (key, rest string) { return d.Container, d.Host + " " + d.Permissions }

func showUlimit(u model.Ulimit) (key, rest string) {
	return u.Name, strconv.FormatInt(u.Soft, 10) + ":" + strconv.FormatInt(u.Hard, 10)
}

func showExtraHost(h model.ExtraHost) (key, rest string) { return h.Name, h.IP }

func showRestart(r model.Restart) string {
	if r.MaxRetries != 0 {
		return r.Name + ":" + strconv.Itoa(r.MaxRetries)
	}
	return r.Name
}

func showCheck(h *model.HealthCheck) string {
	switch {
	case h == nil:
		return ""
	case !h.Enabled():
		return "disabled"
	}
	s := strings.Join(h.Test, " ")
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"interval", h.Interval}, {"timeout", h.Timeout}, {"startPeriod", h.StartPeriod}} {
		if d.value != 0 {
			s += " " + d.name + " " + d.value.String()
		}
	}
	if h.Retries != 0 {
		s += " retries " + strconv.Itoa(h.Retries)
	}
	return s
}

func quoteList(list []string) string {
	if len(list) == 0 {
		return ""
	}
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, " ") + "]"
}

// shortImage leaves out of a reference what it shares with the other one, so
// that `image 1.4.1 → 1.4.2` is all there is to read.
func shortImage(ref, other string) string {
	declared, digest := model.SplitDigest(ref)
	otherDeclared, otherDigest := model.SplitDigest(other)
	name, tag := splitTag(declared)
	otherName, otherTag := splitTag(otherDeclared)
	switch {
	case name != otherName:
		return model.ShortImage(ref)
	case tag == otherTag && digest != otherDigest && digest != "":
		return tag + "@" + shortID(digest)
	case tag != "":
		return tag
	}
	return model.ShortImage(ref)
}

// splitTag splits a reference without digest.
func splitTag(ref string) (name, tag string) {
	if i := strings.LastIndexByte(ref, ':'); i > strings.LastIndexByte(ref, '/') {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

func shortID(id string) string {
	id = strings.TrimPrefix(id, "sha256:")
	return id[:min(12, len(id))]
}

func duration(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func cpus(nano int64) string {
	if nano == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(nano)/1e9, 'f', -1, 64)
}

// size is an amount of bytes in the largest binary unit that has no fraction.
func size(n int64) string {
	if n == 0 {
		return ""
	}
	units := []string{"", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}
