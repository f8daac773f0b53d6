# What CI runs, by name. `just` lists them.

# The list.
default:
    @just --list

# Formatting, lints, licences: what must be clean before a commit.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo deny check bans licenses sources

# Every test that needs no root.
test:
    ./integration-tests/run quick

# The simulation. `SEED=17 just sim` replays one seed.
sim:
    ./integration-tests/run simulation

# Real hosts: network namespaces, engines and a registry of their own. Needs root.
hosts:
    ./integration-tests/run hosts

# A coordinator and three agents on this machine's engine: a good release, a better one, a broken one.
demo:
    ./deploy/quickstart
