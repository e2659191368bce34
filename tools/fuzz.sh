#!/bin/sh
# Builds and runs the fuzzer of graphs: random programs, evaluated plainly and with plans, must agree.
#   usage: fuzz.sh [--graphs N] [--seed S] [--threads T] [--coverage] [--sanitize address|thread]
# 20000 graphs by default. A failing one is shrunk and printed as a C program; its seed alone repeats it:
# --seed SEED --graphs 1.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh test

sanitize=none
count=$#
while [ "$count" -gt 0 ]; do
    word=$1
    shift
    count=$((count - 1))
    if [ "$word" != --sanitize ]; then
        set -- "$@" "$word"
        continue
    fi
    case ${1-} in
    address | thread) sanitize=$1 ;;
    *) echo 'fuzz.sh: --sanitize address or --sanitize thread' >&2; exit 2 ;;
    esac
    shift
    count=$((count - 1))
done

folder=build/fuzz-$sanitize
[ $sanitize != address ] || sanitize=address,undefined
mkdir -p "$folder"
reconfigure=
[ ! -e "$folder/build.ninja" ] || reconfigure=--reconfigure
if ! { meson setup $reconfigure "$folder" -Db_sanitize=$sanitize -Db_lundef=false -Dplain_tests=true -Dexamples=false &&
       meson compile -C "$folder" fuzz_graphs; } >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    exit 1
fi

# Sanitizers map memory at fixed places, which random addresses may occupy.
fixed=
[ $sanitize = none ] || ! setarch -R true 2>/dev/null || fixed='setarch -R'
export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
exec $fixed "$folder/tests/fuzz_graphs" --graphs 20000 "$@"
