# A thin door to scripts/: every target is one line of it. JOBS is the number of parallel compilers.
JOBS ?= 2
FUZZ_SECONDS ?= 60
export JOBS
export FUZZ_SECONDS
MAKEFLAGS += --no-print-directory
.PHONY: help setup build test vm-test check demo bench fuzz conformance asan tsan arm64-test clean
.DEFAULT_GOAL := help

help: ## this table
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what the build needs (Debian packages)
	@scripts/setup

build: setup ## build the release binary: build/release/telegen
	@scripts/build

test: ## set up, build and run all tests (root or sudo; about 20 minutes on 2 cores)
	@scripts/test

vm-test: build ## the live tests on KERNEL=5.10, 6.1, 6.12 (all), CONFIGURATION=…, TESTS="…"; no KVM needed
	@scripts/setup-tests
	@scripts/setup-vm
	@scripts/vm-test $(KERNEL:%=--kernel %) $(CONFIGURATION:%=--configuration %) $(if $(TESTS),-- $(TESTS))

arm64-test: ## cross-compile for arm64, unit tests and live tests in emulators; TESTS="…" narrows the live tests
	@scripts/arm64-test $(if $(TESTS),-- $(TESTS))

check: setup ## before a commit: format, clang-tidy on what changed, unit tests
	@scripts/check

demo: build ## nginx, Python and Node under traffic, traced before your eyes; Ctrl-C ends it (root or sudo)
	@scripts/setup-tests
	@scripts/demo

bench: setup ## the measured budgets: build/bench.json and a table (root or sudo)
	@scripts/setup-tests
	@scripts/build
	@scripts/bench

fuzz: setup ## every fuzz target for FUZZ_SECONDS (60)
	@scripts/fuzz $(FUZZ_SECONDS)

conformance: build ## against the real OpenTelemetry Collector, where go is installed (root or sudo)
	@scripts/setup-tests
	@scripts/conformance

asan: setup ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/sanitized-tests asan-ubsan

tsan: setup ## unit tests under ThreadSanitizer
	@scripts/sanitized-tests tsan

clean: ## remove everything that was built
	@rm -rf build
