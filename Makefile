# What takes more than a line or two is a program: internal/setup, internal/demo.
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 30s
SOAKTIME ?= 10m
# Where root came by su, its PATH lacks the folders of dockerd and sshd.
export PATH := $(PATH):/usr/local/sbin:/usr/sbin:/sbin
# The race detector takes a C compiler; setup installs one where it can.
RACE = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
# A life for every moment at which a controller can be killed, in virtual time: some
# thousands of them, which the race detector makes five times as long and learns
# nothing from that it does not see in the other tests.
CRASHES = ^TestCrash|EveryCrash$$

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-11s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build bin/tallyman
	CGO_ENABLED=0 go build -trimpath -o bin/tallyman ./cmd/tallyman

install: ## install tallyman into GOBIN
	CGO_ENABLED=0 go install -trimpath ./cmd/tallyman

demo: ## watch a commit become containers, roll, be reverted and heal
	@go run ./internal/setup
	@go run ./internal/demo

test: ## run all tests, on real Docker hosts; sets up what is missing
	go run ./internal/setup test
	go test $(RACE) -skip '$(CRASHES)' -count 1 -p 2 -timeout 15m ./...
	go test -run '$(CRASHES)' -count 1 -timeout 15m ./reconcile
	@echo 'not run here: make test-forge (a real Gitea), make test-podman'

test-forge: ## hold the forges' adapters to a real Gitea; the first time builds it
	go run ./internal/setup forge
	go test -tags forge -count 1 -p 1 -timeout 40m ./internal/giteatest ./internal/forge/... ./internal/webhook/...
	go test -tags forge -count 1 -timeout 40m -run 'Forge|PullRequest' ./internal/e2e

demo-pr: ## watch a pull request be planned, refused, mended, merged and reverted, on a Gitea of its own
	@go run ./internal/setup forge
	@cd internal/e2e && go test -tags forge -count 1 -timeout 40m -run '^TestThePullRequestStory$$' # in its folder, so that what it tells is seen as it happens

test-podman: ## hold Podman to what engines promise, but for what is known to differ
	go run ./internal/setup podman
	go test -tags podman -count 1 -timeout 15m -v -run OfPodman ./reconcile/engine/docker

lint: ## check formatting, vet, staticcheck and go.mod
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted: $$unformatted"; exit 1; }
	go vet ./...
	go vet -tags chaos,forge ./internal/e2e ./internal/forge ./internal/giteatest ./internal/webhook
	go run $(STATICCHECK) ./...
	go mod tidy -diff

chaos: ## break hosts, daemons and the controller for CHAOS_ROUNDS rounds (20)
	go run ./internal/setup test
	go test -tags chaos -run '^TestChaos$$' -count 1 -v -timeout 40m ./internal/e2e

bench: ## run the benchmarks
	go run ./internal/setup
	go test -run '^$$' -bench . -benchmem -timeout 30m ./...

fuzz: ## fuzz every target for FUZZTIME (30s)
	sh internal/setup/fuzz.sh $(FUZZTIME)

soak: ## let simulated fleets live through everything for SOAKTIME (10m); SEED=n replays one
	go test ./reconcile -run '^TestSoak$$' -v -timeout 0 $(if $(SEED),-soak.replay -soak.seed $(SEED),-soak.time $(SOAKTIME) -soak.seed $$(date +%s))

schemas: ## write schemas/ and docs/manifests.md from the manifest types
	go generate ./manifest/... ./schemas/...

.PHONY: help build install demo demo-pr test test-forge test-podman chaos soak lint bench fuzz schemas
