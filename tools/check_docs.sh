#!/bin/sh
# Compiles and runs every complete program in README.md and docs/.   usage: check_docs.sh COMPILER LIBRARY
# A program is a block fenced as c that has a main. Fails if there is none.
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
echo "$ran programs from the pages ran"
[ "$ran" -gt 0 ]
