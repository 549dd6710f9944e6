package message

import (
	"strings"
	"testing"
	"unicode/utf8"
)

var told = Message{
	Event: "failed", App: "shop", Revision: "0123456789abcdef", Subject: "Sell tea", Author: "Ada", Text: "web-1 ended with 1", Owner: "fleet",
}

func TestTemplatesSayWhatTheyAreTold(t *testing.T) {
	for text, want := range map[string]string{
		"": "shop failed at 01234567 (Sell tea): web-1 ended with 1",
		`{{if and .App (eq .Event "failed")}}:fire: {{upper .App}}{{else}}ok{{end}} {{.Author}}`: ":fire: SHOP Ada",
		`{{not .App}}{{or "" .Event}}{{ne .App "x"}}{{and .App .Event}}{{"a" | eq .App | not}}`:  "failedtruefailedtrue",
		`{{eq .Event "held" "failed"}}{{false}}{{- /* nothing */ -}}{{true}}`:                    "truetrue",
		"{{.Owner}} {{.Revision | short | upper}}":                                               "fleet 01234567",
	} {
		made, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := made.Render(told); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

// TestTemplatesThatAreRefused: each could cost more than it is long, or would fail
// when there is something to tell.
func TestTemplatesThatAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"{{.Ap}}":                       "has no .Ap: there are .Event, .App",
		"{{if false}}{{.Ap}}{{end}}":    "has no .Ap",
		"{{.App.Name}}":                 "has no .App.Name",
		"{{.}}":                         "can't use",
		"{{":                            "is no template",
		"{{if .App}}":                   "is no template",
		`{{printf "%999999999d" 1}}`:    "has no function printf",
		"{{$a := .Text}}{{$a}}":         "no variables",
		"{{range .Text}}x{{end}}":       "can't use",
		"{{with .Text}}{{.}}{{end}}":    "can't use",
		`{{define "a"}}x{{end}}y`:       "defines another template",
		`{{template "template"}}`:       "can't use",
		`{{block "b" .}}{{end}}`:        "defines another template",
		"{{if .App}}{{short 1}}{{end}}": "can't use 1",
		"{{short}}":                     "calls short with 0 arguments",
		"{{.App .Text}}":                "it is no function",
		"{{.App | .Text}}":              "",
		"{{upper .App .Text}}":          "calls upper with 2",
		"{{eq .App}}":                   "calls eq with 1",
		"{{(or .App .Text).X}}":         "can't use",
		"{{index .Text 3}}":             "has no function index",
		strings.Repeat("{{if .App}}", 30) + strings.Repeat("{{end}}", 30): "nested",
		strings.Repeat("x", maxTemplate+1):                                "at most 4096",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: got %v, want %q", text, err, want)
		}
	}
}

func TestALongMessageIsCutOff(t *testing.T) {
	made, err := Parse(strings.Repeat("{{.Text}}", 400))
	if err != nil {
		t.Fatal(err)
	}
	m := told
	m.Text = strings.Repeat("ü", 1000)
	got := made.Render(m)
	if len(got) > maxText+len("…") || !strings.HasSuffix(got, "ü…") {
		t.Errorf("%d bytes, ends with %q", len(got), got[max(0, len(got)-8):])
	}
}

func FuzzParse(f *testing.F) {
	f.Add("{{if .App}}{{.App | short}}{{end}}")
	f.Fuzz(func(t *testing.T, text string) {
		made, err := Parse(text)
		if err != nil {
			return
		}
		if got := made.Render(told); len(got) > maxText+len("…") || !utf8.ValidString(got) {
			t.Errorf("%q makes %d bytes: %.80q", text, len(got), got)
		}
	})
}
