#!/bin/sh
# Builds and runs the fuzzer of graphs: random programs, evaluated plainly and with plans, must agree.
#   usage: fuzz.sh [--graphs N] [--seed S] [--threads T] [--coverage] [--sanitize address|thread] [--planted]
# 20000 graphs by default. A failing one is shrunk and printed as a C program; its seed alone repeats it:
# --seed SEED --graphs 1. With --coverage the rules of the planner are counted, too. With --planted the planner has bugs
# on purpose, one at a time, and the fuzzer must find each within 2000 graphs.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh test

sanitize=none planted=
count=$#
while [ "$count" -gt 0 ]; do
    word=$1
    shift
    count=$((count - 1))
    case $word in
    --sanitize)
        case ${1-} in
        address | thread) sanitize=$1 ;;
        *) echo 'fuzz.sh: --sanitize address or --sanitize thread' >&2; exit 2 ;;
        esac
        shift
        count=$((count - 1)) ;;
    --planted) planted=all ;;
    --coverage)
        planted=${planted:-none}
        set -- "$@" "$word" ;;
    *) set -- "$@" "$word" ;;
    esac
done

folder=build/fuzz-$sanitize option=false
[ -z "$planted" ] || folder=$folder-planted option=true
[ $sanitize != address ] || sanitize=address,undefined
mkdir -p "$folder"
reconfigure=
[ ! -e "$folder/build.ninja" ] || reconfigure=--reconfigure
if ! { meson setup $reconfigure "$folder" -Db_sanitize=$sanitize -Db_lundef=false -Dplain_tests=true -Dexamples=false \
           -Dplanted=$option &&
       meson compile -C "$folder" fuzz_graphs; } >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    exit 1
fi

# Sanitizers map memory at fixed places, which random addresses may occupy.
fixed=
[ $sanitize = none ] || ! setarch -R true 2>/dev/null || fixed='setarch -R'
export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1
[ "$planted" = all ] || exec $fixed "$folder/tests/fuzz_graphs" --graphs 20000 "$@"

bugs=$(sed -n 's/.*PLANTED_BUGS = \([0-9]*\).*/\1/p' engine/planted.h)
bug=1 missed=0
while [ "$bug" -le "$bugs" ]; do
    place=$(grep -ln "PLANTED($bug)" engine/*.c) # one file
    # A crash is a find, whatever its message.
    if found=$(WG_PLANTED=$bug $fixed "$folder/tests/fuzz_graphs" --graphs 2000 --first "$@" 2>/dev/null); then
        missed=$((missed + 1))
    fi
    echo "  bug $bug in $place: $(printf '%s\n' "$found" | tail -n 1)"
    bug=$((bug + 1))
done
echo "$((bugs - missed)) passed, $missed failed"
[ "$missed" = 0 ]
