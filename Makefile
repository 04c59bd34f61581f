# make run    builds and starts the service with a demo device
# make test   all checks and tests, as CI runs them
# make bench  this server and Janus under the same load (root; about an hour)
# make soak   10 000 viewers and 500 publishers come and go; fails if the server keeps anything of them
# make fuzz   each fuzz target for SECONDS (fuzz/README.md)
# All install what is missing, but for cargo-fuzz.

# Rust installed a minute ago is found without a new shell.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: run test bench soak fuzz setup-run setup-test setup-bench fmt lint unit

run: setup-run
	cargo build --release --locked
	./target/release/millrace serve --demo

test: setup-test fmt lint unit

# Options of the measurements.
BENCH ?=
BENCH_RECORD ?=
BENCH_COMPOSE ?=
BENCH_CAMERA ?=
BENCH_TRANSCODE ?=
BENCH_OPENVIDU ?=

bench: setup-bench
	cargo build --release --locked --workspace
	./target/release/millrace-bench $(BENCH)
	./target/release/millrace-bench record $(BENCH_RECORD) && ./target/release/millrace-bench compose $(BENCH_COMPOSE)
	./target/release/millrace-bench camera $(BENCH_CAMERA)
	./target/release/millrace-bench transcode $(BENCH_TRANSCODE)
	./target/release/millrace-bench openvidu $(BENCH_OPENVIDU)

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

# cargo-nextest isolates each test in a process. Without it one after the other: some count the process's own threads.
unit:
	@if cargo nextest --version >/dev/null 2>&1; then \
		cargo nextest run --workspace --locked; \
	else \
		cargo test --workspace --locked -- --test-threads=1; \
	fi

CYCLES ?= 10000

soak: setup-bench
	cargo build --release --locked --workspace
	./target/release/millrace-bench soak --cycles $(CYCLES)

SECONDS ?= 60
TARGETS ?= stun tcp_frames rtp rtcp srtp srtcp sdp_offer sdp_answer device_json sender_viewer_json

# The first folder gets what is found new.
fuzz: setup-run
	@cargo fuzz --version >/dev/null || { echo "Once: cargo install cargo-fuzz --locked"; exit 1; }
	@for target in $(TARGETS); do \
		mkdir -p fuzz/found/$$target; \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --dev --sanitizer none $$target fuzz/found/$$target fuzz/corpus/$$target \
			-- -max_total_time=$(SECONDS) -max_len=16384 -timeout=5 || exit 1; \
	done
