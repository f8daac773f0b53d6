# shellcheck shell=bash
# What our scripts do to a development machine: install packages, start a container engine. To be sourced by a bash script that
# has `set -euo pipefail`.
#
# Deliberately not here: anything for production hosts (that is deploy/install, which must stand alone), and which packages a
# script needs (it says so itself).

# Administration programs live where a user's search path often does not lead.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:${CARGO_HOME:-$HOME/.cargo}/bin"

# How long an engine may take to answer after its start, in seconds.
ENGINE_DEADLINE=60
ENGINE_LOG=/var/log/evenkeel-test-engine.log

say() { printf '%s: %s\n' "${0##*/}" "$*"; }

fail() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "root is needed for: $* (run this as root, or install sudo)"
    fi
}

# Reads lines `PROGRAM PACKAGE`; prints the package of each program that is missing. Newer distributions have the engine's
# client in a package of its own: the package `docker-client` stands for whichever it is.
missing_packages() {
    local program package
    while read -r program package; do
        command -v "$program" >/dev/null && continue
        if [ "$package" = docker-client ]; then
            package=docker.io
            ! apt-cache show docker-cli >/dev/null 2>&1 || package=docker-cli
        fi
        printf '%s\n' "$package"
    done
}

# Installs what the lines `PROGRAM PACKAGE` in $1 name and the machine lacks.
install_packages() {
    local packages left
    mapfile -t packages < <(missing_packages <<<"$1" | sort -u)
    if [ "${#packages[@]}" -eq 0 ]; then
        say "packages: all there"
        return
    fi
    command -v apt-get >/dev/null || fail "no apt-get here; install by hand what provides: ${packages[*]}"
    as_root apt-get update -q
    # Once more: only now is it known which packages there are.
    mapfile -t packages < <(missing_packages <<<"$1" | sort -u)
    say "packages: installing ${packages[*]}"
    # A registry package that starts a registry of its own would take its port; the tests start their own.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get install -q -y --no-install-recommends "${packages[@]}"
    left=$(missing_packages <<<"$1" | sort -u | tr '\n' ' ')
    [ -z "$left" ] || fail "installed, and still missing programs of: $left"
}

# Whether the machine's own engine answers a real request.
engine_answers() {
    docker version --format '{{.Server.Version}}' >/dev/null 2>&1 || as_root docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

start_engine() {
    if engine_answers; then
        say "container engine: answers"
        return
    fi
    if [ -d /run/systemd/system ]; then
        say "container engine: none answers, starting docker.service"
        as_root systemctl start docker.service
    else
        say "container engine: none answers, starting dockerd in a session of its own (log: $ENGINE_LOG)"
        # The variables are the inner shell's.
        # shellcheck disable=SC2016
        as_root sh -c 'setsid dockerd >>"$1" 2>&1 </dev/null &' start-engine "$ENGINE_LOG"
    fi
    local waited=0
    until engine_answers; do
        [ "$waited" -lt "$ENGINE_DEADLINE" ] ||
            fail "container engine: no answer within $ENGINE_DEADLINE s; its log ends:
$(as_root tail -n 20 "$ENGINE_LOG" 2>/dev/null || true)"
        sleep 1
        waited=$((waited + 1))
    done
    say "container engine: answers after $waited s"
}
