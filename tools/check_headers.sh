#!/bin/sh
# Each public header compiles alone, as C11 and as C++17, without a warning; the headers' words work in C++.
# usage: check_headers.sh CC CXX
set -eu
cd "$(dirname "$0")/.."
cc=$1 cxx=$2
strict='-Wall -Wextra -Wpedantic -Werror -Iinclude'
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
count=0 failed=0
for header in include/wengert/*.h; do
    count=$((count + 1))
    name=${header#include/}
    # Twice: the guard works, too.
    printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" >"$scratch/alone.c"
    # shellcheck disable=SC2086
    $cc -std=c11 $strict -fsyntax-only "$scratch/alone.c" || { echo "$name: not as C11"; failed=1; }
    # shellcheck disable=SC2086
    $cxx -std=c++17 $strict -fsyntax-only -x c++ "$scratch/alone.c" || { echo "$name: not as C++17"; failed=1; }
done
# shellcheck disable=SC2086
$cxx -std=c++17 $strict tests/words.cpp -o "$scratch/words" || failed=1
"$scratch/words" || { echo 'tests/words.cpp: shapes, axes or lists are wrong in C++'; failed=1; }
[ "$count" -ge 8 ] || { echo "only $count headers"; failed=1; }
echo "$count headers"
exit $failed
