# Everything a person types here, and what CI runs (verify). It needs Go and make; what else is needed, the targets fetch.
# Works with GNU make 3.81, which is macOS's, and later. GOFLAGS from the environment are kept.

GO := go

# What the targets make for themselves: the development tool and the linters, each under its version.
TOOLS := $(CURDIR)/.tools
DEV_TOOL := $(TOOLS)/temporal-dev

GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
WORKFLOWCHECK_VERSION := v0.6.0
WORKFLOWCHECK := $(TOOLS)/workflowcheck-$(WORKFLOWCHECK_VERSION)/workflowcheck

# One after the other, whatever -j says: each keeps all cores busy by itself, and their output is read by people.
.NOTPARALLEL:
.PHONY: help dev smoke bench chaos chaos-short test lint fmt build verify

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

# exec, and the number of this make: signals to either reach the program (see temporal-dev/process).
dev: build ## Run everything here, pay a demo order, stay up until Ctrl-C
	@exec $(DEV_TOOL) dev -make $$PPID

smoke: build ## The same on free ports: pay one order, check it, say so in a line
	@exec $(DEV_TOOL) smoke -make $$PPID

bench: build ## Measure speed and cost, nine minutes; BENCH="-rounds 3 -old 10000" for another size
	@exec $(DEV_TOOL) bench -make $$PPID $(BENCH)

chaos: build ## Kill everything at random during 2,000 payments, then look; CHAOS="-payments 300 -seed 7" for others
	@exec $(DEV_TOOL) chaos -make $$PPID $(CHAOS)

chaos-short: build ## The same with 60 payments, in a minute or two
	@exec $(DEV_TOOL) chaos -make $$PPID -payments 60 -rate 2 -seed 7

test: build ## Run every test of both modules
	$(GO) test ./...
	cd temporal-dev && TWIGZ_API=$(CURDIR)/bin/api TWIGZ_WORKER=$(CURDIR)/bin/worker TWIGZ_TEMPORAL_DEV=$(DEV_TOOL) $(GO) test ./...

lint: $(GOLANGCI) $(WORKFLOWCHECK) ## Look for mistakes in both modules
	$(GOLANGCI) run ./...
	cd temporal-dev && $(GOLANGCI) run ./...
	$(WORKFLOWCHECK) -config .workflowcheck.yaml ./workflows/...

fmt: $(GOLANGCI) ## Format both modules
	$(GOLANGCI) fmt ./...
	cd temporal-dev && $(GOLANGCI) fmt ./...

# The development tool goes without -trimpath, as tests do, so that both use one compiled Temporal server.
build: ## Build bin/api, bin/worker and the development tool
	@$(call compile,-trimpath -o bin/ ./cmd/...)
	@[ -x $(DEV_TOOL) ] || echo "building the development tool: the first time this compiles the Temporal server, which takes minutes"
	@cd temporal-dev && $(call compile,-o $(DEV_TOOL) .)

verify: lint build test chaos-short ## All that CI runs

# Runs go build with the given arguments, saying every hundred packages how far it is: silence for minutes looks like a hang.
# The status comes through the pipe as a last line.
define compile
{ $(GO) build -v $(1) 2>&1 || echo "go build failed"; } | awk '\
	/^go build failed$$/   { failed = 1; next } \
	/^go: downloading /    { if (++fetched % 50 == 0) { print "  " fetched " modules downloaded"; fflush() } next } \
	NF == 1 && $$0 !~ /:/  { if (++built % 100 == 0) { print "  " built " packages compiled"; fflush() } next } \
	                       { print; fflush() } \
	END                    { exit failed }'
endef

$(GOLANGCI):
	@echo "installing golangci-lint $(GOLANGCI_VERSION), once: some minutes"
	@GOBIN=$(dir $@) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

$(WORKFLOWCHECK):
	@echo "installing workflowcheck $(WORKFLOWCHECK_VERSION), once"
	@GOBIN=$(dir $@) $(GO) install go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK_VERSION)
