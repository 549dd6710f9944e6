package model

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// ops is one of each, with every field set.
func ops() []Op {
	target := Target{Host: "h1", ID: "abc", Name: "shop-web-1-x", Owner: "us", Fingerprint: "f"}
	owner := Ownership{Owner: "us", App: "shop", Service: "web", Slot: "1", Fingerprint: "f", Revision: "r", Name: "shop-web-1-x"}
	return []Op{
		PullImage{Host: "h1", Image: "web:1", Always: true, PullSecrets: []SecretRef{{Secret: "hub", Key: "config.json", Digest: "d"}}},
		RemoveImage{Host: "h1", Image: "web:1"},
		CreateNetwork{Host: "h1", Network: Network{App: "shop", Name: "front", HostName: "shop-front", Driver: "bridge"}, Owner: owner},
		RemoveNetwork{Host: "h1", ID: "n1", Name: "shop-front", Owner: "us"},
		CreateVolume{Host: "h1", Volume: Volume{App: "shop", Name: "data", HostName: "shop-data", Driver: "local"}, Owner: owner},
		RemoveVolume{Host: "h1", Name: "shop-pr-42-data", Owner: Ownership{Owner: "us", App: "shop-pr-42", Name: "shop-pr-42-data", Preview: "42"}},
		CreateContainer{Host: "h1", Owner: owner, Spec: ContainerSpec{Image: "web:1", Env: map[string]string{"A": "b"}, StopGrace: time.Minute}},
		CopyFiles{Target: target, Files: []File{{Path: "/x", Mode: 0o444, Digest: "sha256:aa"}}},
		StartContainer{target, []string{"v"}},
		UnpauseContainer{target},
		ResumeHealthCheck{target},
		RenameContainer{target},
		UpdateContainer{target, Adjustable{Memory: 1 << 20, Restart: Restart{Name: "always"}}},
		ConnectNetwork{target, Attachment{Network: "shop-front", Aliases: []string{"web"}}},
		DisconnectNetwork{target, "shop-front"},
		StopContainer{target, time.Second},
		RemoveContainer{target},
	}
}

func TestEveryOpSurvivesJSON(t *testing.T) {
	verbs := map[string]bool{}
	for _, op := range ops() {
		data, err := json.Marshal(OpJSON{op})
		if err != nil {
			t.Fatalf("%s: %v", Verb(op), err)
		}
		var back OpJSON
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatalf("%s: %v", Verb(op), err)
		}
		if !reflect.DeepEqual(back.Op, op) {
			t.Errorf("%s went in as %+v and came out as %+v", Verb(op), op, back.Op)
		}
		if verbs[Verb(op)] || Verb(op) == "unknown" {
			t.Errorf("%T has no verb of its own", op)
		}
		verbs[Verb(op)] = true
		if op.On() != "h1" {
			t.Errorf("%s goes to %q", Verb(op), op.On())
		}
	}
}

// TestOneOpRemovesAVolume, and asks for the labels of a preview's own.
func TestOneOpRemovesAVolume(t *testing.T) {
	for _, op := range ops() {
		verb := strings.ToLower(Verb(op))
		if _, is := op.(RemoveVolume); !is && strings.Contains(verb, "remove") && strings.Contains(verb, "volume") {
			t.Errorf("there is an op %s", verb)
		}
	}
	own := Ownership{Owner: "us", App: "shop-pr-42", Name: "data", Preview: "42"}
	if !own.OwnPreview("data", own) {
		t.Error("a preview's own volume is not taken for its own")
	}
	for what, found := range map[string]Ownership{
		"another owner's":        {Owner: "them", App: "shop-pr-42", Name: "data", Preview: "42"},
		"another app's":          {Owner: "us", App: "shop", Name: "data", Preview: "42"},
		"one of another name":    {Owner: "us", App: "shop-pr-42", Name: "other", Preview: "42"},
		"one without the mark":   {Owner: "us", App: "shop-pr-42", Name: "data"},
		"another pull request's": {Owner: "us", App: "shop-pr-42", Name: "data", Preview: "4"},
		"one without any label":  {},
	} {
		if own.OwnPreview("data", found) {
			t.Errorf("%s volume is taken for a preview's own", what)
		}
	}
	unmarked := Ownership{Owner: "us", App: "shop", Name: "data"}
	if unmarked.OwnPreview("data", unmarked) || (Ownership{}).OwnPreview("", Ownership{}) {
		t.Error("an op that names no preview removes a volume")
	}
}

func TestAnUnknownOpIsAnError(t *testing.T) {
	for _, data := range []string{`{"op":"removeHost","args":{}}`, `{"op":"start","args":7}`, `7`, `{}`} {
		var op OpJSON
		if err := json.Unmarshal([]byte(data), &op); err == nil {
			t.Errorf("%s decodes as %+v", data, op.Op)
		}
	}
}

func TestRefIsTheIDOnceItIsKnown(t *testing.T) {
	if got := (Target{Name: "web", ID: "abc"}).Ref(); got != "abc" {
		t.Errorf("with an id: %q", got)
	}
	if got := (Target{Name: "web"}).Ref(); got != "web" {
		t.Errorf("without: %q", got)
	}
}
