#!/bin/sh
# The shared library exports what the public headers declare, and nothing that does not begin with wg_.
# usage: check_symbols.sh LIBRARY
set -eu
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
nm -D --defined-only "$1" | awk '{ print $NF }' | sed 's/@.*//' | sort -u >"$scratch/exported"
# A declaration runs from WG_API to the semicolon; its name stands before the first parenthesis.
cat include/wengert/*.h | awk '
    /^[ \t]*WG_API / { open = 1; text = "" }
    open { text = text " " $0 }
    open && /;/ {
        open = 0
        sub(/[(;[].*/, "", text)
        count = split(text, words, /[ \t*]+/)
        while (words[count] == "") count--
        print words[count]
    }' | sort -u >"$scratch/declared"
failed=0
if grep -v '^wg_' "$scratch/exported" >"$scratch/strange"; then
    sed 's/^/exported, but not wg_: /' "$scratch/strange"
    failed=1
fi
comm -13 "$scratch/exported" "$scratch/declared" | sed 's/^/declared WG_API, but not exported: /' >"$scratch/missing"
comm -23 "$scratch/exported" "$scratch/declared" | grep '^wg_' | sed 's/^/exported, but in no public header: /' >>"$scratch/missing" || :
if [ -s "$scratch/missing" ]; then
    cat "$scratch/missing"
    failed=1
fi
declared=$(wc -l <"$scratch/declared")
[ "$declared" -ge 100 ] || { echo "only $declared functions declared"; failed=1; }
echo "$declared functions declared, $(wc -l <"$scratch/exported") exported"
exit $failed
