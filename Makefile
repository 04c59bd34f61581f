# make run    builds and starts the service with a demo device
# make test   all checks and tests, as CI runs them
# make bench  this server and Janus under the same load (root; about 15 minutes)
# All install what is missing.

# Rust installed a minute ago is found without a new shell.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: run test bench setup-run setup-test setup-bench fmt lint unit

run: setup-run
	cargo build --release --locked
	./target/release/millrace serve --demo

test: setup-test fmt lint unit

bench: setup-bench
	cargo build --release --locked --workspace
	./target/release/millrace-bench $(BENCH)

setup-bench:
	@./scripts/setup.sh bench

setup-run:
	@./scripts/setup.sh run

setup-test:
	@./scripts/setup.sh test

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets --locked -- -D warnings

# cargo-nextest shows more and isolates each test in a process; without it cargo does.
unit:
	@if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --workspace --locked; \
	else \
		cargo test --workspace --locked; \
	fi
