# Everything is built into build/, caches included. `make help` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := all

build := $(CURDIR)/build
PREFIX ?= /usr/local
GOLANGCI_VERSION := v2.15.0
KERNELS := 6.12 6.1
CONFORMANCE := $(foreach kernel,$(KERNELS),conformance-$(kernel)-apparmor conformance-$(kernel)-bpf)
FUZZTIME ?= 20s

# integration/setup.sh puts a Go there where the machine's own is too old.
export PATH := $(build)/go/bin:$(PATH)
export GOFLAGS := -buildvcs=false
# The checkout may be another user's than root.
export GIT_CONFIG_COUNT := 1
export GIT_CONFIG_KEY_0 := safe.directory
export GIT_CONFIG_VALUE_0 := $(CURDIR)

# Where the integration suite finds what it tests.
export PREARM_BIN := $(build)/bin
export PREARM_BIN_FAULTS := $(build)/bin-faults
export PREARM_FIXTURE := $(build)/fixture
export PREARM_IMAGES := $(or $(PREARM_CACHE),$(build))/images
export PREARM_TOOLS := $(build)/tools

# All commands but prearm, which asks libseccomp, are static.
static := $(addprefix ./,$(filter-out cmd/prearm,$(wildcard cmd/*)))
# What every container start and every pod pays for: no C library, and the
# collector of Go 1.25, which takes half a megabyte less of each shim.
lean := CGO_ENABLED=0 GOEXPERIMENT=nogreenteagc
# Told by git, unless given; only a tag has a number.
VERSION ?= $(shell git describe --tags --always --dirty --match 'v[0-9]*' 2>/dev/null)
release = -trimpath -ldflags '-s -w -X github.com/prearm/prearm/shim.Version=$(VERSION) -X main.release=$(VERSION)'
lint := $(build)/tools/golangci-lint-$(GOLANGCI_VERSION)
suite := $(build)/integration.test
# What AppArmor does with profiles, and the guard with images, asked of the kernel itself; in the VMs.
kernel_tests := $(build)/profiles.test
guard_tests := $(build)/guard.test
# What the conformance rows do not show as well; all of them in the long tier.
kernel_tests_on := $(if $(filter long,$(PREARM_TIER)),$(KERNELS),6.1)
kernel_tests_of := $(if $(filter long,$(PREARM_TIER)),,(source|owner|others|no_new_privs).*)
suite_env := PREARM_BIN PREARM_BIN_FAULTS PREARM_FIXTURE PREARM_IMAGES PREARM_TOOLS
# containerds of other versions than Debian's, a module each.
engines := $(patsubst integration/engines/%/go.mod,$(build)/tools/containerd-%/containerd,$(wildcard integration/engines/*/go.mod))

##@ Build

.PHONY: all
all: ## the binaries, into build/bin
	$(lean) go build $(release) -o build/bin/ $(static)
	go build $(release) -o build/bin/ ./cmd/prearm

.PHONY: faults
faults: # the same, able to stop or stall between steps, for tests
	$(lean) go build $(release) -tags prearm_faults -o build/bin-faults/ $(static)

.PHONY: generate
generate: ## the committed code and BPF objects, from their sources (needs clang)
	go generate ./...

.PHONY: install
install: all ## the binaries into $(PREFIX)/bin, an empty /etc/prearm/policies; prearm install does the rest
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)/etc/prearm/policies
	install -m 755 build/bin/* $(DESTDIR)$(PREFIX)/bin/

.PHONY: deb
deb: all ## a Debian package, build/prearm_VERSION_ARCH.deb
	VERSION='$(if $(filter-out undefined default file,$(origin VERSION)),$(VERSION))' cmd/prearm/deb/build build/bin build

.PHONY: clean
clean: ## remove build/, with its downloads
	rm -rf build

##@ Test (as root; each sets the machine up first)

.PHONY: test
test: setup ## everything that a change must pass; the last line counts
	integration/run-all ci

.PHONY: test-long
test-long: setup ## the same with a thousand starts per class and minutes of fuzzing: hours
	integration/run-all long

.PHONY: test-unit
test-unit: setup ## the packages' own tests, under the race detector
	GORACE=atexit_sleep_ms=10 go test -race ./...

.PHONY: test-native
test-native: setup ## real containers on this machine's kernel
	integration/run-all ci build engines native

.PHONY: test-vm
test-vm: setup ## real containers under Debian's kernels, in VMs
	integration/run-all ci build engines vm

.PHONY: lint
lint: setup run-vet run-lint ## linters for Go and for shell

.PHONY: bench
bench: setup run-build ## what prearm costs, as a table and as build/bench.json
	go build -tags integration -o build/bench ./integration/bench
	build/bench -o build/bench.json

.PHONY: demo
demo: setup run-build ## a policy of each kind without and with prearm
	integration/demo

.PHONY: conformance
conformance: setup run-build $(CONFORMANCE) ## docs/conformance.md, by performing its rows on both kernels
	go generate ./integration/conformance

# By each enforcer, on each kernel.
.PHONY: $(CONFORMANCE)
$(CONFORMANCE): conformance-%:
	mkdir -p $(build)/conformance/$*
	integration/vm/run --kernel $(firstword $(subst -, ,$*)) --memory 3072 --timeout 1800 --share $(build)/conformance/$* \
		--env PREARM_ENFORCER=$(lastword $(subst -, ,$*)) --env PREARM_CONFORMANCE=/share/rows.json \
		$(foreach v,$(suite_env),--env $v=$($v)) -- $(suite) -test.v -test.run '^TestConformance$$' -test.timeout 29m
	cp $(build)/conformance/$*/rows.json integration/conformance/testdata/$*.json

.PHONY: agreement
agreement: setup run-build agreement-native $(KERNELS:%=agreement-%) ## model, guard and AppArmor compared: CASES=n decisions, SEED=s

# Random decisions; and rulesets that a container is given one after the other, on each kernel.
CASES ?= 1000000
SEED ?= 1
RULESETS ?= 150

.PHONY: agreement-native $(KERNELS:%=agreement-%)
agreement-native:
	go test -count 1 -v -timeout 60m -run 'Agreement|Regressions|Mistakes' ./integration/agreement -cases $(CASES) -seed $(SEED)
	go test -count 1 -v -timeout 60m -run 'AgreesWithModel|Mistaken' ./translate -rapid.checks 300 -rapid.seed $(SEED)
$(KERNELS:%=agreement-%): agreement-%:
	integration/vm/run --kernel $* --memory 3072 --timeout 3600 --env PREARM_AGREEMENT=$(RULESETS) --env PREARM_SEED=$(SEED) \
		$(foreach v,$(suite_env),--env $v=$($v)) -- $(suite) -test.v -test.run '^TestAgreement$$' -test.timeout 59m

.PHONY: attacks
attacks: setup run-build $(KERNELS:%=attacks-%) ## docs/attacks.md, by trying every way around policies on both kernels
	go generate ./integration/attacks

.PHONY: $(KERNELS:%=attacks-%)
$(KERNELS:%=attacks-%): attacks-%:
	mkdir -p $(build)/attacks/$*
	integration/vm/run --kernel $* --memory 3072 --timeout 1200 --share $(build)/attacks/$* \
		--env PREARM_TIER=long --env PREARM_ATTACKS=/share/outcomes.json $(foreach v,$(suite_env),--env $v=$($v)) \
		-- $(suite) -test.v -test.run '^TestAttacks$$' -test.timeout 19m
	cp $(build)/attacks/$*/outcomes.json integration/attacks/testdata/$*.json

##@ Other

.PHONY: setup
setup: ## install what building and testing needs, on Debian 12
	@integration/setup.sh

.PHONY: help
help: ## this list
	@awk -F '## ?' '/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { split($$1, t, ":"); printf "  %-14s %s\n", t[1], $$2 }' $(MAKEFILE_LIST)

# Steps of integration/run-all; they expect the machine to be set up, all but the first a run-build.

.PHONY: run-build images fixture suite
run-build: all faults images fixture suite
images:
	integration/images/debian >/dev/null & debian=$$!; integration/images/build >/dev/null && wait $$debian
fixture:
	$(MAKE) --no-print-directory -C integration/fixture OUT=$(build)/fixture
	$(MAKE) --no-print-directory -C integration/attacks/programs OUT=$(build)/fixture/attacks
suite:
	CGO_ENABLED=0 go test -c -tags integration -o $(suite) ./integration
	go test -c -tags kernel -o $(kernel_tests) ./profiles
# It runs in an empty root.
	CGO_ENABLED=0 go test -c -tags kernel -o $(guard_tests) ./bpf

.PHONY: run-engines
run-engines: $(engines)

# Two minutes each from nothing. A folder's name is the version.
$(engines): $(build)/tools/containerd-%/containerd: integration/engines/%/go.mod
	cd $(<D) && CGO_ENABLED=0 go build -p 2 $(release) -tags no_aufs,no_btrfs,no_devmapper,no_zfs,no_tracing -o $(@D)/ tool

.PHONY: run-lint run-vet run-generate run-unit run-fuzz run-native
run-lint: $(lint)
	$(lint) run ./...
	shellcheck --severity=warning $(shell git grep -lE --untracked '^#!/bin/(ba)?sh' -- .ci integration cmd)

# Its version is pinned here, apart from the project's modules: it would double them.
$(lint):
	GOBIN=$(build)/tools go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(build)/tools/golangci-lint $@

run-vet:
	go vet ./...
	go vet -tags integration,prearm_faults ./...

# Generating must change nothing, whatever else is not yet committed.
run-generate:
	@tree() { git status --porcelain; git diff --binary HEAD; }; before=$$(tree | sha256sum); \
	go generate ./... || exit; \
	[ "$$(tree | sha256sum)" = "$$before" ] || \
		{ echo "generated files differ from their sources: commit what make generate made"; git diff --stat; exit 1; }

# The race detector would have every program that a test starts sleep for a second at its end.
run-unit:
	GORACE=atexit_sleep_ms=10 go test -race -v -timeout 15m ./...

run-fuzz:
	integration/fuzz $(FUZZTIME)

# Minutes that the suite may take on one kernel, and which of its tests to run.
SUITE_TIMEOUT ?= 55
RUN ?= .
run-native:
	$(suite) -test.v -test.run '$(RUN)' -test.timeout $(SUITE_TIMEOUT)m

# On each kernel the suite's nodes have one enforcer, and then, for what hangs most on it, the other; in the long tier, for
# all. Tests that are about one of them have that one anyway.
enforcers := $(or $(PREARM_ENFORCER),apparmor bpf)
also := $(if $(filter long,$(PREARM_TIER)),.,^(TestFirstCall|TestExamples)$$/^(process|file|network|csp-.*|ksp-ubuntu-3-.*)$$)
# suite-by ENFORCER TESTS
suite-by = echo "enforcer = $1"; PREARM_ENFORCER=$1 $(suite) -test.v -test.run "$2" -test.timeout $$(($(SUITE_TIMEOUT) - 1))m || failed=1

.PHONY: $(KERNELS:%=run-vm-%)
$(KERNELS:%=run-vm-%): run-vm-%:
	integration/vm/run --kernel $* --memory 3072 --timeout $$(($(SUITE_TIMEOUT) * 60)) \
		--env PREARM_TIER=$(or $(PREARM_TIER),ci) $(foreach v,$(suite_env),--env $v=$($v)) \
		-- sh -c 'failed=0; \
			$(if $(filter $*,$(kernel_tests_on)),$(kernel_tests) -test.v -test.run "KernelAppArmor/.*$(kernel_tests_of)$(RUN)" || failed=1;) \
			(cd bpf && $(guard_tests) -test.v -test.run "KernelGuard.*$(RUN)") || failed=1; \
			$(call suite-by,$(firstword $(enforcers)),$(RUN)); \
			$(foreach other,$(if $(filter .,$(RUN)),$(wordlist 2,2,$(enforcers))),$(call suite-by,$(other),$(also));) \
			exit $$failed'
