# Sourced by run and overload: what they need, installed where it is missing, and built. Gives them `bench`, which runs
# a module of the package `bench` with the arguments that are left.
. deploy/requirements.sh

# no_build ARGUMENT...: whether the executables are to be taken as they are.
no_build() {
    local argument
    for argument in "$@"; do [ "$argument" != --no-build ] || return 0; done
    return 1
}

# prepare PACKAGE... -- ARGUMENT...: Debian packages, Python packages, and the programs that are measured.
prepare() {
    local packages=()
    while [ "$1" != -- ]; do packages+=("$1") && shift; done
    require_packages "${packages[@]}"
    venv=.build/benchmarks/python
    if ! cmp -s Tests/Benchmarks/requirements.txt "$venv/requirements.txt"; then
        python3 -m venv "$venv" >/dev/null 2>&1 || { require_packages python3-venv && python3 -m venv "$venv"; }
        "$venv/bin/pip" install -q --disable-pip-version-check -r Tests/Benchmarks/requirements.txt
        cp Tests/Benchmarks/requirements.txt "$venv/requirements.txt"
    fi
    if ! no_build "$@"; then
        require_build
        build release "${daybook_programs[@]}" bare-hummingbird
    fi
}

bench() {
    export DAYBOOK_BIN=${DAYBOOK_BIN:-$PWD/.build/release}
    export PYTHONPATH=Tests/Benchmarks:Tests/EndToEnd:Tests/Outside
    exec "$venv/bin/python" -m "$@"
}
