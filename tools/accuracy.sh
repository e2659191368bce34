#!/bin/sh
# Builds with optimisation and measures every unary row over all 2^32 values of f32 against double libm, on all cores: one
# line for each row, and one JSON object at last. Takes tens of minutes; rows named as arguments are measured alone;
# with --precise before them, under that option.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh demo

folder=build/accuracy
mkdir -p "$folder"
reconfigure=
[ ! -e "$folder/build.ninja" ] || reconfigure=--reconfigure
if ! { meson setup $reconfigure "$folder" --buildtype=release -Dexamples=false -Dplain_tests=true &&
       meson compile -C "$folder" accuracy; } >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    exit 1
fi
exec "$folder/tests/accuracy" "$@"
