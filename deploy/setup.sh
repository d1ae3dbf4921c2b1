#!/bin/sh
# Set up this checkout: `deploy/setup.sh base` to run it, `deploy/setup.sh dev` to test it too.
# Finds Python 3.11 or newer and hands over to setup.py, which says what it does and stops where a right is missing.
set -eu
cd "$(dirname "$0")/.."

suits() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for candidate in .venv/bin/python python3.13 python3.12 python3.11 python3.14 python3 python; do
        if suits "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    return 1
}

if ! python=$(find_python); then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "Installing Python …"
        apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y python3 python3-venv >/dev/null
    fi
    if ! python=$(find_python); then
        echo "OpenAppeal needs Python 3.11 or newer with its venv module. Install it and run this again:" >&2
        echo "  Debian, Ubuntu: apt-get install python3 python3-venv · Fedora: dnf install python3.12 · macOS: brew install python@3.13" >&2
        exit 1
    fi
fi
exec "$python" deploy/setup.py "$@"
