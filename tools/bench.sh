#!/bin/sh
# Installs what is missing, builds the library with optimisation into build/bench, and measures workloads. Prints one JSON
# object for each, and one of all as the last line.   usage: bench.sh [--threads N] [--peers] [--seconds S] [NAME...]
# --peers runs PyTorch and JAX in turns with ours, if the Python that WENGERT_PYTHON names (python3) has them.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh demo

folder=build/bench
mkdir -p "$folder"
reconfigure=
[ ! -e "$folder/build.ninja" ] || reconfigure=--reconfigure
echo 'building' >&2
if ! { meson setup $reconfigure "$folder" --buildtype=release -Dtests=disabled -Dexamples=false -Dbench=true &&
       meson compile -C "$folder"; } >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    exit 1
fi
PYTHONDONTWRITEBYTECODE=1 exec python3 bench/suite.py "$folder/bench/wengert-bench" "$@"
