#!/bin/sh
# Writes requirements.lock anew: what a server installs beside PyTorch, every package at one version, with hashes, for Python 3.11
# and later. Needs uv (pip install uv). What is in the file stays as it is where it can: `sh deploy/lock.sh --upgrade` takes what is new.
set -eu
cd "$(dirname "$0")/.."
uv --no-config pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
  --custom-compile-command "sh deploy/lock.sh" --output-file requirements.lock "$@" requirements.txt
# PyTorch and what it needs for CUDA come from the index of its build, and from no other.
awk '/^[a-z0-9]/ { left_out = /^(torch|triton|cuda-|nvidia-)/ } !left_out' requirements.lock >requirements.lock.new
mv requirements.lock.new requirements.lock
