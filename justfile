# The few commands. `just` alone lists them.

_list:
    @just --list

# Everything against made-up sides on this machine: no key, no OpenCTI
demo *options:
    cargo run -- demo {{ options }}

# Every test, or those of a room: `just test --test rooms convert`
test *options:
    cargo test {{ options }}

# What must pass before a change lands
ci:
    .ci/run

# Formats, then lints
tidy:
    cargo fmt --all
    cargo clippy --locked --workspace --all-targets -- -D warnings

# What repeats the table of settings
settings:
    cargo run --example settings_tables docs
    cargo run --example settings_tables config > config.yml.sample
    cargo run --example settings_tables env > .env.sample

# A build for those who run the service without an image
release:
    cargo build --release --locked --package vtreporter --no-default-features --bin vtreporter

# The image
image:
    docker build --tag vtreporter .

# Speed and memory of a release build
load *options:
    cargo build --release
    cargo run --release --example load -- {{ options }}
