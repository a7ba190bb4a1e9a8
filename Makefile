# Every task of the project. `make help` lists them.
GO       ?= go
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOLS     = $(GO) tool -modfile=tools.mod
LDFLAGS   = -s -w
GRANTS   ?= 1000000

.PHONY: help build test quick deps lint generate bench fuzz demo mutants gameday chaos clean

help: ## list the tasks
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | sort

build: ## build the static binary ./zhanggui
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o zhanggui ./cmd/zhanggui

test: deps ## everything that must hold: checks, all tests with the race detector, the demo, a third of the mutants
	sh scripts/test.sh

quick: ## vet and the tests of this module's packages, without the race detector
	$(GO) vet ./... && $(GO) test ./...

deps: ## install what tests need beyond Go (Chromium, nginx, Caddy, Node.js, iproute2, PostgreSQL, PgBouncer, Prometheus), if it is missing
	sh scripts/deps.sh

lint: ## formatting, vet, modernizers, staticcheck
	sh scripts/lint.sh

generate: ## make the generated queries and pages again
	CGO_ENABLED=0 $(TOOLS) sqlc generate
	CGO_ENABLED=0 $(TOOLS) templ generate

bench: ## benchmarks, with the ratios they are judged by
	$(GO) test -run '^$$' -bench . -benchmem ./internal/keeper ./internal/gateway ./internal/alias ./internal/dropin ./internal/audit ./internal/vault ./internal/clock ./internal/collate ./internal/push ./internal/store/...
	$(GO) test -run '^$$' -bench . -benchtime 20x ./internal/speed
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 2h ./internal/scale -grants $(GRANTS)

fuzz: ## fuzz every target for FUZZTIME (default 10s) each
	sh scripts/fuzz.sh

demo: ## walk the whole story once
	$(GO) run ./cmd/zhanggui demo --once

mutants: ## build every mutant of the program, and see that the prover catches each
	$(GO) test -count=1 -timeout 1h -run TestMutants ./internal/proof -every

gameday: ## inject faults one after the other, and see that each is told in time
	$(GO) test -count=1 -run 'GameDay' ./internal/app

chaos: ## break replicas on PostgreSQL for CHAOS_FOR (default 1m) in all, and weigh every refresh
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o zhanggui ./cmd/zhanggui
	./zhanggui chaos --for 20s --total $(or $(CHAOS_FOR),1m)

clean:
	rm -rf zhanggui dist
