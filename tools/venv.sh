#!/usr/bin/env bash
# Makes .venv with ringfence in it, editable: `tools/venv.sh` to run it, `tools/venv.sh dev` with a dependency
# group of pyproject.toml on top. Needs Python 3.11 or newer and nothing else; PYTHON=… chooses one.
set -euo pipefail
cd "$(dirname "$0")/.."
group=${1:-}

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

choose_python() {
    # The machine's own python3 first: its packages (python3-venv) are what an administrator can install.
    local candidate
    for candidate in ${PYTHON:-python3 /usr/bin/python3 python3.14 python3.13 python3.12 python3.11}; do
        if new_enough "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    echo "ringfence needs Python 3.11 or newer; ${PYTHON:-none} was found. Set PYTHON=/path/to/python3.11" >&2
    return 1
}

make_venv() {
    local python=$1 version
    if command -v uv >/dev/null; then
        uv venv --quiet --clear --python "$python" .venv
        return
    fi
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        version=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
            echo "$python cannot make virtual environments. Install them with: sudo apt-get install $version" >&2
            return 1
        fi
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$version" >/dev/null
    fi
    "$python" -m venv --clear .venv
    # Dependency groups (PEP 735) need pip 25.1; Debian 12 brings 23.0.
    .venv/bin/python -m pip install -qq --disable-pip-version-check --upgrade 'pip>=25.1'
}

install() {
    if command -v uv >/dev/null; then
        uv pip install -qq --compile-bytecode --python .venv/bin/python "$@"
    else
        .venv/bin/python -m pip install -qq --disable-pip-version-check "$@"
    fi
}

if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(choose_python)
    echo "making .venv with $("$python" --version) ($python)"
    make_venv "$python"
fi
echo "installing ringfence${group:+ and its $group tools} into .venv"
# shellcheck disable=SC2086 # no group is no argument
# Compiled rooms would stand in the way of whoever edits them: an editable installation has only the C twins.
export RINGFENCE_COMPILE=0
install --editable . ${group:+--group $group}
touch ".venv/.ready-${group:-run}"
