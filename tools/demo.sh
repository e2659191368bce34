#!/bin/sh
# Installs what is missing, builds the library with optimisation, and trains the digits demo. Its pictures go to
# build/demo/; the last line it prints is one JSON object.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh demo

folder=build/demo-build
rm -rf build/demo
mkdir -p "$folder" build/demo
reconfigure=
[ ! -e "$folder/build.ninja" ] || reconfigure=--reconfigure
echo 'building' >&2
if ! { meson setup $reconfigure "$folder" --buildtype=release -Dtests=disabled &&
       meson compile -C "$folder"; } >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    exit 1
fi

status=0
"$folder/examples/digits" examples/data/mnist build/demo || status=$?
exit $status
