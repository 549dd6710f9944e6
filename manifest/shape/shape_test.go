package shape_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/tallyman-io/tallyman/manifest/shape"
)

type inner struct {
	Size int `yaml:"size" check:"min=1,max=9" default:"3"`
}

type level int

func (*level) UnmarshalText([]byte) error { return nil }
func (*level) Format() string             { return "text" }
func (*level) Accepts() []string          { return []string{"string"} }

func catalogOf(v any) (c shape.Catalog, problem string) {
	defer func() {
		if r := recover(); r != nil {
			problem = r.(string)
		}
	}()
	return shape.NewCatalog(reflect.TypeOf(v)), ""
}

func TestCatalogReadsTags(t *testing.T) {
	type thing struct {
		_     struct{} `exactlyOne:"a,b" reserved:"later"`
		A     string   `yaml:"a,omitempty" check:"required,format=name,ref=Thing" aka:"x,y"`
		B     []string `yaml:"b" check:"unique,nonEmpty,enum=one|two"`
		Inner *inner   `yaml:"inner"`
		Level level    `yaml:"level"`
		Gone  int      `yaml:"-"`
	}
	c, problem := catalogOf(thing{})
	if problem != "" {
		t.Fatal(problem)
	}
	desc := c[reflect.TypeFor[thing]()]
	if len(desc.Fields) != 4 || desc.Field("Gone") != nil || desc.Field("-") != nil {
		t.Errorf("fields %+v", desc.Fields)
	}
	want := shape.Rules{Required: true, Format: "name", Ref: "Thing"}
	if a := desc.Field("a"); !reflect.DeepEqual(a.Rules, want) || !reflect.DeepEqual(a.Aka, []string{"x", "y"}) || a.GoName != "A" {
		t.Errorf("field a %+v", a)
	}
	if b := desc.Field("b").Rules; !b.Unique || !b.NonEmpty || !reflect.DeepEqual(b.Element(), shape.Rules{Enum: []string{"one", "two"}}) {
		t.Errorf("field b %+v", b)
	}
	if !desc.IsReserved("later") || desc.IsReserved("a") || !reflect.DeepEqual(desc.ExactlyOne, []string{"a", "b"}) {
		t.Errorf("struct %+v", desc)
	}
}

func TestCatalogReachesEveryStruct(t *testing.T) {
	c, _ := catalogOf(struct {
		M map[string][]*inner `yaml:"m"`
		L level               `yaml:"l"`
	}{})
	if size := c[reflect.TypeFor[inner]()].Field("size"); size.Default != "3" || size.Rules.Min != "1" || size.Rules.Max != "9" {
		t.Errorf("field size %+v", size)
	}
	if len(c) != 2 {
		t.Errorf("%d types, want the struct and the one in its map", len(c))
	}
}

// Mistakes in tags show when the program starts, not when a user trips on them.
func TestBadTagsPanic(t *testing.T) {
	for want, v := range map[string]any{
		"has no yaml tag": struct{ A int }{},
		"unknown rule": struct {
			A int `yaml:"a" check:"atLeast=1"`
		}{},
		"unknown format": struct {
			A string `yaml:"a" check:"format=nmae"`
		}{},
	} {
		if _, problem := catalogOf(v); !strings.Contains(problem, want) {
			t.Errorf("got %q, want a panic that says %q", problem, want)
		}
	}
}

func TestFormats(t *testing.T) {
	for name, c := range map[string]struct{ good, bad []string }{
		"name":     {[]string{"a", "web-1", strings.Repeat("a", 63)}, []string{"", "-a", "a-", "A", "a.b", "a_b", strings.Repeat("a", 64), "a\n"}},
		"image":    {[]string{"web", "a/b/c:1", "localhost:5000/a", "Reg.example/a@sha256:" + strings.Repeat("0", 64), "a__b"}, []string{"", "A", "a:", "a b", "a@sha256:1", "/a", "a//b", "http://a/b"}},
		"absPath":  {[]string{"/", "/a", "/a/..b/.c"}, []string{"", "a", "/a/", "/a/../b", "/..", "//a", "/a/./b"}},
		"relPath":  {[]string{"a", "a/b.c", "..a"}, []string{"", "/a", "../a", "a/..", "a//b", "a/", ".", "./a"}},
		"ip":       {[]string{"10.0.0.1", "::1"}, []string{"", "10.0.0", "host", "::g"}},
		"cidr":     {[]string{"10.0.0.0/8", "fd00::/8"}, []string{"10.0.0.1/8", "10.0.0.0", "10.0.0.0/33"}},
		"endpoint": {[]string{"unix:///run/docker.sock", "tcp://10.0.0.1:2376", "tcp://[::1]:2376", "tcp://edge-1.example:2376", "ssh://a", "ssh://deploy@10.0.0.11", "ssh://deploy@[::1]:22/run/user/1000/docker.sock", "tcp://a:65535", "ssh://[::1]"}, []string{"", "tcp://a:0", "tcp://a:65536", "tcp://[::1]:99999", "ssh://b@a:0/x", "unix://run", "tcp://a", "tcp://u:p@a:1", "ssh://", "ssh://u:p@a", "ssh://-oProxyCommand=x", "ssh://a?b", "http://a:1"}},
		"signal":   {[]string{"SIGTERM", "SIGRTMIN+15"}, []string{"TERM", "SIGRTMIN+16", "15", "SIGFOO"}},
		"user":     {[]string{"web", "1000:1000", "web:web"}, []string{"", "a:b:c", ":b", "a b"}},
		"labelKey": {[]string{"a", "com.example/a_b"}, []string{"", "tallyman.owner", "a b", ".a"}},
		"constraint": {[]string{"host.name == a", "host.labels.a-b!=c", "host.os in (linux)", "host.name not in ( a,b )", "host.labels.a exists", "host.labels.a  not  exists"},
			[]string{"", "host.name", "host.name = a", "host.name == ", "host.kernel == linux", "host.name === a", "host.name == a b", "host.name in a", "host.name in ()", "host.name in (a b)", "host.name in (a,)", "host.labels.a exists b", "host.labels.ain (b)"}},
		"duration": {[]string{"10s", "1h2m3s4ms", "0s"}, []string{"", "10", "-1s", "1.5s", "10 s", "1d"}},
		"size":     {[]string{"1", "1B", "64MiB"}, []string{"", "1M", "1 MiB", "-1", "1.5GiB", "1Ki"}},
		"restart":  {[]string{"no", "on-failure", "on-failure:5"}, []string{"", "never", "always:3", "on-failure:0"}},
	} {
		f := shape.FormatOf(name)
		for _, text := range c.good {
			if !f.Match(text) {
				t.Errorf("%s refuses %q", name, text)
			}
		}
		for _, text := range c.bad {
			if f.Match(text) {
				t.Errorf("%s accepts %q", name, text)
			}
		}
	}
}

func TestFormatsAreDescribed(t *testing.T) {
	names := shape.FormatNames()
	if len(names) < 20 {
		t.Errorf("only %d formats", len(names))
	}
	for _, name := range names {
		if shape.FormatOf(name).Noun == "" {
			t.Errorf("format %s does not say what it is", name)
		}
	}
}
