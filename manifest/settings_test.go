package manifest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

func TestSettings(t *testing.T) {
	set, err := Load(fstest.MapFS{"all.yaml": {Data: []byte(`apiVersion: tallyman/v1
kind: Host
metadata: {name: edge-1, labels: {zone: a, example.com/disk: ssd}}
spec:
  endpoint: ssh://deploy@10.0.0.11
  taints: [{key: gpu, effect: NoSchedule}]
  reserved: {cpus: 0.5, memory: 512MiB}
---
apiVersion: tallyman/v1
kind: Fleet
metadata: {name: fleet}
spec: {lostAfter: 90s, evictionThreshold: 40%}
---
apiVersion: tallyman/v1
kind: Service
metadata: {name: web}
spec: {image: "web:1"}
`)}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]map[string]string{
		"Host edge-1": {
			"metadata.labels.zone": "a", `metadata.labels["example.com/disk"]`: "ssd", "spec.endpoint": "ssh://deploy@10.0.0.11", "spec.schedulable": "true",
			"spec.taints": "{key: gpu, effect: NoSchedule}", "spec.reserved.cpus": "0.5", "spec.reserved.memory": "512MiB",
		},
		"Fleet fleet": {"spec.lostAfter": "1m30s", "spec.unreachableAfter": "15s", "spec.evictionThreshold": "40%", "spec.evictionRate": "6", "spec.failureDomain": "host.labels.zone", "spec.warmUp": "1m"},
		"App default": {"spec.sync.maxRemovals": "10", "spec.sync.auto": "true", "spec.onFailure": "rollback", "spec.imageRetention": "3", "spec.deletionPolicy": "delete"},
	}
	for _, s := range set.Settings() {
		fields, known := want[s.Kind+" "+s.Name]
		if !known {
			t.Errorf("there is %s %s", s.Kind, s.Name)
		}
		for path, value := range fields {
			if s.Fields[path] != value {
				t.Errorf("%s %s: %s is %q, want %q", s.Kind, s.Name, path, s.Fields[path], value)
			}
		}
		if s.Kind != KindApp && len(s.Fields) < len(fields) {
			t.Errorf("%s has %q", s.Kind, slices.Sorted(maps.Keys(s.Fields)))
		}
		if s.Kind == KindFleet && (s.File != "all.yaml" || s.Line != 9) {
			t.Errorf("it stands at %s:%d", s.File, s.Line)
		}
	}
	if n := len(set.Settings()); n != len(want) {
		t.Errorf("there are %d", n)
	}
}

func TestCiphertexts(t *testing.T) {
	armored := "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n-----END AGE ENCRYPTED FILE-----\n"
	set, err := Load(fstest.MapFS{
		"s.yaml": {Data: []byte("apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: a}\nspec:\n  age:\n    url: |\n      " + strings.ReplaceAll(strings.TrimSpace(armored), "\n", "\n      ") +
			"\n---\napiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: b}\nspec: {sops: b.enc.yaml}\n")},
		"b.enc.yaml": {Data: []byte("user: ENC[AES256_GCM,data:1]\nport: ENC[AES256_GCM,data:2]\nnested: {x: 3}\nsops: {mac: m4, lastmodified: now}\n")},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := set.Secrets[0].Ciphertexts(); got["url"] != armored || len(got) != 1 {
		t.Errorf("of age: %q", got)
	}
	if got := set.Secrets[1].Ciphertexts(); len(got) != 2 || got["user"] != "ENC[AES256_GCM,data:1]" || got["port"] != "ENC[AES256_GCM,data:2]" {
		t.Errorf("of SOPS: %q", got)
	}
}
