# Sourced by deploy/up and deploy/test: what they need of the machine, looked for and installed where it is missing.
# Quick where nothing is missing.

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# require_swift: a Swift toolchain of at least 6.3, which no script can install.
require_swift() {
    command -v swift >/dev/null || fail "no Swift toolchain found: install Swift 6.3 (swift.org/install) and put it on PATH"
    local version
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    [ "$(printf '%s\n6.3\n' "$version" | sort -V | head -n 1)" = 6.3 ] ||
        fail "Swift $version found, Swift 6.3 or newer is needed (swift.org/install)"
}

# require_packages NAME...: Debian packages.
require_packages() {
    local name missing=()
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || fail "these packages are missing, and there is no apt-get to install them: ${missing[*]}"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null && sudo -n true 2>/dev/null ||
            fail "no permission to install packages; have an administrator run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    printf 'installing %s\n' "${missing[*]}"
    local log
    log=$(mktemp)
    if ! { "${as_root[@]}" apt-get update && DEBIAN_FRONTEND=noninteractive \
        "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        rm -f "$log"
        fail "apt-get could not install ${missing[*]}"
    fi
    rm -f "$log"
}

# What building needs.
require_build() {
    require_swift
    require_packages libpq-dev libzmq3-dev libsqlite3-dev pkg-config
}

# The programs that Daybook consists of.
daybook_programs=(event-log-service command-service query-service daybook)

# build debug [OPTION...], build release PROGRAM...: tells how far it is, and else only what went wrong; all output is in
# .build/build.log.
#
# For release, Swift's libraries are linked into the programs, so that these run without a toolchain. That is the same for
# whoever builds for release here: the compiler makes everything anew when it changes. The programs are named, since what
# the tests consist of cannot be linked so.
build() {
    local configuration=$1
    shift
    mkdir -p .build 2>/dev/null && [ -w .build ] ||
        fail "no permission to write into $PWD/.build: make it writable for $(id -un)"
    [ -d ".build/$configuration" ] || echo "building for $configuration; the first time this takes some minutes"
    "build_$configuration" "$@" >.build/build.log 2>&1 </dev/null &
    local builder=$!
    # A shell lets what it started in the background go on when it is interrupted.
    trap 'kill "$builder" 2>/dev/null; exit 130' INT TERM
    show_progress "$builder"
    trap - INT TERM
    if ! wait "$builder"; then
        grep -E 'error|warning: unre' .build/build.log >&2 || tail -n 20 .build/build.log >&2
        fail "the build failed; the whole output is in .build/build.log"
    fi
}

build_debug() { exec swift build -c debug "$@"; }

build_release() {
    local program
    trap 'kill $(jobs -p) 2>/dev/null; exit 130' TERM
    for program in "$@"; do
        swift build -c release --static-swift-stdlib --product "$program" &
        wait $! || return
    done
}

# show_progress PID: until the build has ended, the step that it is at: on a terminal in one line, else every 30 s.
show_progress() {
    local begin=$SECONDS shown=$SECONDS step is_terminal=
    [ -t 1 ] && is_terminal=yes
    while kill -0 "$1" 2>/dev/null; do
        step=$(grep -aoE '^\[[0-9]+/[0-9]+\]|^Another instance of SwiftPM' .build/build.log | tail -n 1) || step=
        [[ $step != Another* ]] || step="waiting for another build in this folder"
        if [ -n "$is_terminal" ]; then
            printf '\r\033[Kbuilding %s (%d s)' "$step" $((SECONDS - begin))
        elif [ $((SECONDS - shown)) -ge 30 ]; then
            printf 'still building %s (%d s)\n' "$step" $((SECONDS - begin))
            shown=$SECONDS
        fi
        sleep 0.5
    done
    [ -z "$is_terminal" ] || printf '\r\033[K'
}
