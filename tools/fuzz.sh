#!/bin/sh
# Builds and runs the fuzzer of graphs: random programs, evaluated plainly and with plans, must agree.
#   usage: fuzz.sh [--graphs N] [--seed S] [--threads T] [--jobs J] [--coverage] [--sanitize address|thread] [--planted]
# 20000 graphs by default. A failing one is shrunk and printed as a C program; its seed alone repeats it:
# --seed SEED --graphs 1. With --jobs the seeds are shared out among J processes. With --coverage it is told what has
# occurred, the rules of the planner too, and what is rarer than tests/fuzz/coverage.c demands of a run of that length is
# a failure. With --planted the planner or a scan has bugs on purpose, one at a time, and the fuzzer must find each
# within 2000 graphs. The environment's FUZZ_BUILD is where to build, or build.
#
# The full runs are those of docs/engine.md.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh test

sanitize=none planted='' graphs=20000 seed=1 jobs=1 coverage=
count=$#
while [ "$count" -gt 0 ]; do
    word=$1
    shift
    count=$((count - 1))
    case $word in
    --sanitize | --graphs | --seed | --jobs)
        [ "$count" -gt 0 ] || { echo "fuzz.sh: $word what?" >&2; exit 2; }
        case $word in
        --sanitize) sanitize=$1 ;;
        --graphs) graphs=$1 ;;
        --seed) seed=$1 ;;
        --jobs) jobs=$1 ;;
        esac
        shift
        count=$((count - 1)) ;;
    --planted) planted=all ;;
    --coverage)
        planted=${planted:-none}
        coverage=$word ;;
    *) set -- "$@" "$word" ;;
    esac
done

# Planted builds check the order of each plan, too: some bugs show in nothing else. Lines of C for messages that nobody
# reads would take most of the time. Under the thread sanitizer all kernels are those
# of this library: it cannot see into others.
folder=${FUZZ_BUILD:-build}/fuzz-$sanitize option=false libraries='-Dlibdw=disabled -Dgraphviz=disabled'
[ -z "$planted" ] || folder=$folder-planted option=true
case $sanitize in
none) ;;
address) sanitize=address,undefined ;;
thread) libraries="$libraries -Dblas=none -Dxsmm=disabled" ;;
*) echo 'fuzz.sh: --sanitize address or --sanitize thread' >&2; exit 2 ;;
esac
mkdir -p "$folder"
reconfigure=
[ ! -e "$folder/build.ninja" ] || reconfigure=--reconfigure
# shellcheck disable=SC2086
if ! { meson setup $reconfigure "$folder" -Db_sanitize=$sanitize -Db_lundef=false -Dplain_tests=true -Dexamples=false \
           -Dplanted=$option -Dverify=$option $libraries &&
       meson compile -C "$folder" fuzz_graphs; } >"$folder/build.log" 2>&1; then
    cat "$folder/build.log" >&2
    exit 1
fi

# Sanitizers map memory at fixed places, which random addresses may occupy.
program=$folder/tests/fuzz_graphs
[ "$sanitize" = none ] || ! setarch -R true 2>/dev/null || program="setarch -R $program"
export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 TSAN_OPTIONS=halt_on_error=1

# shellcheck disable=SC2086
if [ "$planted" != all ] && [ "$jobs" -le 1 ]; then
    exec $program --graphs "$graphs" --seed "$seed" $coverage "$@"
elif [ "$planted" != all ]; then
    job=0 processes=
    trap 'kill $processes 2>/dev/null; exit 130' INT TERM
    while [ "$job" -lt "$jobs" ]; do
        share=$(((graphs + job) / jobs))
        rm -f "$folder/counts-$job"
        $program --graphs "$share" --seed "$seed" --counts "$folder/counts-$job" "$@" >"$folder/job-$job.log" 2>&1 &
        processes="$processes $!"
        seed=$((seed + share))
        job=$((job + 1))
    done
    job=0 good=yes files=
    for process in $processes; do
        if ! wait "$process"; then
            good=no
            cat "$folder/job-$job.log"
        fi
        [ ! -e "$folder/counts-$job" ] || files="$files $folder/counts-$job"
        job=$((job + 1))
    done
    [ -z "$files" ] || $program $coverage --add $files || good=no
    [ $good = yes ] || echo 'failed'
    [ $good = yes ]
    exit
fi

bugs=$(sed -n 's/.*PLANTED_BUGS = \([0-9]*\).*/\1/p' engine/planted.h)
bug=1 missed=0
while [ "$bug" -le "$bugs" ]; do
    place=$(grep -ln "PLANTED($bug)" engine/*.c engine/*/*.c autograd/*.c) # one file
    # A crash is a find, whatever its message.
    # shellcheck disable=SC2086
    if found=$(WG_PLANTED=$bug $program --graphs 2000 --first "$@" 2>/dev/null); then
        missed=$((missed + 1))
    fi
    echo "  bug $bug in $place: $(printf '%s\n' "$found" | tail -n 1)"
    bug=$((bug + 1))
done
echo "$((bugs - missed)) passed, $missed failed"
[ "$missed" = 0 ]
