#!/bin/sh
# Compiles and runs every complete program in README.md and docs/.   usage: check_docs.sh COMPILER LIBRARY
# A program is a block fenced as c that has a main. Fails if there is none. Also: docs/functions.md names each function
# that records ops; the forms with a C scalar go by the name of the one with two tensors.
set -eu
compiler=$1 library=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
awk -v folder="$folder" '
    /^```c$/ { text = ""; inside = 1; next }
    /^```$/ && inside { if (text ~ /int main\(/) { file = folder "/program" ++count ".c"; printf "%s", text > file; close(file)
                                                   print FILENAME > (file ".from") } inside = 0 }
    inside { text = text $0 "\n" }' README.md docs/*.md
top=$PWD
ran=0
for source in "$folder"/program*.c; do
    [ -e "$source" ] || break
    # shellcheck disable=SC2086
    $compiler -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude "$source" "$library" -lm \
        -Wl,-rpath,"$(dirname "$(realpath "$library")")" -o "$folder/program"
    (cd "$folder" && ./program >output) || { echo "a program in $(cat "$source.from") fails"; cat "$folder/output"; exit 1; }
    ran=$((ran + 1))
done
cd "$top"
missing=0
headers=$(printf 'include/wengert/%s.h ' ops functions linear_algebra control gradient nn)
# shellcheck disable=SC2086
for name in $(sed -n 's/^WG_API .*\(wg_[a-z0-9_]*\)(.*/\1/p' $headers |
    sed 's/^wg_scalar_/wg_/; s/_scalar$//' | sort -u); do
    grep -q "$name\b" docs/functions.md || { echo "docs/functions.md does not name $name"; missing=$((missing + 1)); }
done
[ "$missing" -eq 0 ]
echo "$ran programs from the pages ran"
[ "$ran" -gt 0 ]
