#!/bin/sh
# Renews the hash-locked requirement files from pyproject.toml. Needs `uv`; run it after changing a dependency.
set -eu
cd "$(dirname "$0")/.."
lock() { uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate "$@" pyproject.toml; }
lock --extra kernel --extra build -o console/requirements.txt
lock --extra kernel --extra build --extra dev -o tests/requirements.txt
