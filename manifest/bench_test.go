package manifest_test

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
)

const benchService = `apiVersion: tallyman/v1
kind: Service
metadata: {name: service-%d, labels: {tier: front}}
spec:
  replicas: 3
  image: registry.example.com/web:1.4.2
  command: [serve, --verbose]
  environment: {LOG: info, PORT: "8080", MODE: production}
  ports: [{port: 8080, published: %d}]
  resources: {limits: {cpus: 0.5, memory: 256MiB}, reservations: {memory: 64MiB}}
  healthCheck: {command: [/web, health], interval: 5s, timeout: 2s, retries: 3}
  placement: {constraints: ["host.labels.disk == ssd"], spread: [host.labels.zone]}
`

func benchTree(services int) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := range services {
		fsys[fmt.Sprintf("%d.yaml", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, benchService, i, 1024+i)}
	}
	return fsys
}

func BenchmarkLoad1000Services(b *testing.B) {
	fsys := benchTree(1000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := manifest.Load(fsys, manifest.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// One of a thousand files changed, as after a usual commit.
func BenchmarkLoad1000ServicesOneChanged(b *testing.B) {
	loader := manifest.NewLoader(manifest.Options{})
	fsys := benchTree(1000)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		fsys["0.yaml"].Data = fmt.Appendf(nil, benchService, 0, 10_000+i%1000)
		if _, err := loader.Load(newBlobFS(fsys)); err != nil {
			b.Fatal(err)
		}
	}
}
