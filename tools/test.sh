#!/bin/sh
# Installs what is missing, builds, and runs all tests: first with everything, then without the optional libraries,
# with clang, under sanitizers and valgrind, and with a decimal comma. `sh tools/test.sh quick` stops after the first.
# The last line is the count of all; the exit status tells whether all passed.
set -eu
cd "$(dirname "$0")/.."
sh tools/setup.sh test
export LC_ALL=C.UTF-8 LANGUAGE=en # Criterion's own words are read below

passed=0 failed=0
targets= # of Ninja, all by default

fail() {
    echo "  $1"
    failed=$((failed + 1))
}

# build FOLDER COMPILER OPTION...: configures and builds build/FOLDER; its output is shown only if that fails.
build() {
    folder=build/$1 compiler=$2
    shift 2
    mkdir -p "$folder"
    reconfigure=
    [ ! -e "$folder/build.ninja" ] || reconfigure=--reconfigure
    # shellcheck disable=SC2086
    if ! CC=$compiler meson setup $reconfigure "$folder" -Dwerror=true "$@" >"$folder/build.log" 2>&1; then
        cat "$folder/build.log"
    elif ! meson compile -C "$folder" $targets >"$folder/build.log" 2>&1; then
        grep -v '^\[[0-9]*/[0-9]*\] [A-Z]' "$folder/build.log"
    else
        return 0
    fi
    fail "$folder does not build"
    return 1
}

# check FOLDER LOG ARGUMENT...: runs the tests of build/FOLDER, or those that the arguments to Meson choose.
check() {
    folder=build/$1 log=build/$1/meson-logs/$2
    shift 2
    start=$(date +%s) good=yes
    rm -f "$log"*
    meson test -C "$folder" --no-rebuild --print-errorlogs --logbase "$(basename "$log")" "$@" >"$log.out" 2>&1 || good=no
    [ $good = yes ] || cat "$log.out"
    counts=$(cat "$log"*.txt | awk -f tools/count_tests.awk) # Meson appends the wrapper's or setup's name
    printf '%s\n' "$counts" | sed '$d'
    # shellcheck disable=SC2086
    set -- ${counts##*total }
    [ "$1" != 0 ] || [ "$2" != 0 ] || set -- 0 1
    [ $good = yes ] || [ "$2" != 0 ] || set -- "$1" 1
    passed=$((passed + $1)) failed=$((failed + $2))
    echo "  = $1 passed, $2 failed in $(($(date +%s) - start)) s"
}

finish() {
    [ "$passed" -gt 0 ] || [ "$failed" -gt 0 ] || failed=1
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}

echo 'gcc, everything:'
build test gcc || finish
check test all

echo 'format:'
if sh tools/format.sh; then passed=$((passed + 1)); else fail 'format differs'; fi
[ "${1-}" != quick ] || finish

echo 'demo and examples:'
# run FOLDER COMMAND...: one count for a program that must succeed.
run() {
    place=$1
    shift
    if (cd "$place" && "$@") >build/program.log 2>&1; then
        passed=$((passed + 1))
        echo "  $* ran"
    else
        tail -n 20 build/program.log
        fail "$* fails"
    fi
}
run . sh tools/demo.sh
cp examples/data/mnist/*.gz build/demo
for program in rosenbrock custom_op embedded mlp 'wgan 2'; do
    # shellcheck disable=SC2086
    run build/demo ../demo-build/examples/$program
done

echo 'decimal comma:'
export LOCPATH="$PWD/build/locale"
if [ ! -e build/locale/fr_FR.UTF-8 ]; then
    mkdir -p build/locale
    localedef -i fr_FR -f UTF-8 build/locale/fr_FR.UTF-8 || fail 'no French locale'
fi
export LC_ALL=fr_FR.UTF-8 WG_TEST_DECIMAL_COMMA=1
check test comma --suite unit
export LC_ALL=C.UTF-8
unset WG_TEST_DECIMAL_COMMA LOCPATH

echo 'gcc, no optional library:'
if build bare gcc -Dblas=none -Dxsmm=disabled -Dzlib=disabled -Dlibdw=disabled -Dgraphviz=disabled -Dexamples=false; then
    check bare unit --suite unit
fi

echo 'clang:'
if build clang clang; then check clang all; fi

# Sanitizers map memory at fixed places, which random addresses may occupy.
fixed=
setarch -R true 2>/dev/null && fixed='setarch -R'

echo 'address and undefined behaviour sanitizers:'
export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1:allocator_may_return_null=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
if build asan gcc -Db_sanitize=address,undefined -Dplain_tests=true -Dexamples=false -Doptimization=1 -Dverify=true; then
    check asan unit --suite unit ${fixed:+"--wrapper=$fixed"}
fi

echo 'thread sanitizer:'
export TSAN_OPTIONS=halt_on_error=1:allocator_may_return_null=1
targets='test_threads test_team test_product_threads test_engine_threads'
if build tsan gcc -Db_sanitize=thread -Dplain_tests=true -Dexamples=false; then
    # shellcheck disable=SC2086
    check tsan threads $targets ${fixed:+"--wrapper=$fixed"}
fi
targets=

echo 'valgrind:'
if build plain gcc -Dplain_tests=true -Dexamples=false; then
    check plain valgrind --suite unit --setup valgrind
fi

finish
