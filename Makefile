# Every command a developer needs. `make help` lists them.

MODULES := . internal/postgres tenant auth sqlstore example integration_test
GO      ?= go

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## start the example on http://127.0.0.1:3000
	$(GO) run -C example .

.PHONY: test
# The integration tests run one package at a time, as a browser, two servers and Redis share the machine as it is, and
# always: they start the example, which the test cache does not see.
test: setup lint ## everything: lint, all modules with -race, real Redis and PostgreSQL, real browser, a second of each fuzz target
	@for m in $(MODULES); do echo "== test $$m"; $(GO) test -C $$m -race -timeout 15m $$(test $$m != integration_test || echo -p 1 -count=1) ./... || exit 1; done
	@echo "== fuzz"; scripts/fuzz 1s

.PHONY: quick
quick: ## the root module only, with nothing but Go
	$(GO) test ./...

.PHONY: lint
lint: bin/staticcheck ## formatting, vet, staticcheck, go.mod files
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted, run make fmt:"; echo "$$unformatted"; exit 1; }
	@for m in $(MODULES); do echo "== lint $$m"; \
		$(GO) vet -C $$m ./... && (cd $$m && $(CURDIR)/bin/staticcheck ./...) && $(GO) mod -C $$m tidy -diff || exit 1; done

.PHONY: fmt
fmt: ## format all Go files
	gofmt -w .

.PHONY: fuzz
fuzz: ## each fuzz target for 30 seconds
	scripts/fuzz 30s

.PHONY: bench
bench: setup ## ratios against hand-written floors, in one run (docs/performance.md)
	$(GO) run -C integration_test ./bench

.PHONY: pictures
pictures: setup ## take the pictures of docs/ and README.md anew
	$(GO) test -C integration_test ./journey -run TestPicturesOfTheDocuments -count=1 -args -update

.PHONY: setup
setup: ## install what the tests need: redis-server, postgresql, chromium, a C compiler for -race
	@scripts/setup

bin/staticcheck: tools/go.mod
	$(GO) build -C tools -o ../bin/staticcheck honnef.co/go/tools/cmd/staticcheck

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
