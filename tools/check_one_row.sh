#!/bin/sh
# Applies the change of docs/adding-an-op.md to a copy of the source, builds it, and runs the page's program: a new
# element-wise primitive is one row.   usage: check_one_row.sh COMPILER
set -eu
compiler=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for part in meson.build meson_options.txt base graph ops engine autograd nn optim data include; do cp -R "$part" "$folder"; done
awk '/^```diff$/ { inside = 1; next } /^```$/ { inside = 0 } inside' docs/adding-an-op.md >"$folder/row.diff"
awk '/^```c new-op$/ { inside = 1; next } /^```$/ { inside = 0 } inside' docs/adding-an-op.md >"$folder/program.c"
cd "$folder"
[ "$(grep -c '^+[^+]' row.diff)" = 1 ] || { echo 'the change is more than one row'; exit 1; }
git apply row.diff
# shellcheck disable=SC2086
$compiler -I. -Iinclude ops/generate.c -o generate
./generate >ops.h && mv ops.h include/wengert/ops.h
CC=$compiler meson setup build --buildtype=debug -Doptimization=0 -Ddebug=false -Dtests=disabled -Dexamples=false \
    -Ddefault_library=shared >log 2>&1 && meson compile -C build >>log 2>&1 || { cat log; exit 1; }
# shellcheck disable=SC2086
$compiler -std=c11 -Iinclude program.c build/libwengert.so -Wl,-rpath,"$folder/build" -o program
./program >output || { cat output; exit 1; }
grep -q 'label="cube' output || { echo 'cube is not drawn'; exit 1; }
echo 'one row makes a primitive'
