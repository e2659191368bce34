#!/bin/sh
# Finds out by asking what is missing to build (demo) or to test (test), and installs it where apt-get does that.
# Does nothing, and needs no rights, when nothing is missing.   usage: setup.sh [demo|test]
set -eu
purpose=${1:-test}

has() { command -v "$1" >/dev/null 2>&1; }
package() { has pkg-config && pkg-config --exists "$1"; }
# Whether a program that includes a header, and perhaps links a library, can be built.
compiles() {
    compiler=$1 header=$2
    shift 2
    has "$compiler" || return 1
    probe=$(mktemp)
    status=0
    printf '#include <%s>\nint main(void) { return 0; }\n' "$header" |
        "$compiler" -x c - "$@" -o "$probe" 2>/dev/null || status=1
    rm -f "$probe"
    return $status
}

missing='' explained=''
# want PACKAGE 'what it is' TEST...: notes the Debian package if the test fails.
want() {
    name=$1 what=$2
    shift 2
    if ! "$@"; then
        missing="$missing $name"
        explained="$explained
  $what ($name in Debian)"
    fi
}
any_blas() {
    package openblas || package cblas || compiles cc cblas.h -lblas || compiles cc cblas.h -lcblas
}
any_sleef() { package sleef || compiles cc sleef.h -lsleef; }
# What makes code for x86-64 alone.
any_xsmm() { [ "$(uname -m)" != x86_64 ] || compiles cc libxsmm_generator.h -lxsmmgen; }
french() { [ -e /usr/share/i18n/locales/fr_FR ] || LC_ALL=fr_FR.UTF-8 locale decimal_point 2>/dev/null | grep -q ,; }

find_missing() {
    missing='' explained=''
    want gcc 'a C compiler' has cc
    want libc6-dev 'the C library for development' compiles cc stdio.h
    want meson 'Meson 1.0 or later, with Ninja' has meson
    want ninja-build 'Ninja' has ninja
    want pkg-config 'pkg-config' has pkg-config
    want libsleef-dev 'SLEEF, a vector mathematics library' any_sleef
    want libopenblas-dev 'OpenBLAS or another CBLAS' any_blas
    want libxsmm-dev 'libxsmm, small matrix products' any_xsmm
    want zlib1g-dev 'zlib' package zlib
    want libdw-dev 'libdw, of elfutils' package libdw
    want graphviz "Graphviz's program dot" has dot
    [ "$purpose" = test ] || return 0
    want g++ 'a C++ compiler' has c++
    want clang 'clang' compiles clang stdio.h
    want libcriterion-dev 'Criterion' package criterion
    want valgrind 'valgrind' has valgrind
    want clang-format 'clang-format' has clang-format
    want locales 'the sources of locales' french
}

find_missing
[ -n "$missing" ] || exit 0

if ! has apt-get; then
    echo "missing on this system:$explained" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    if ! has sudo; then
        echo "missing:$explained" >&2
        echo "install them as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "installing:$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086
get() { $as_root env DEBIAN_FRONTEND=noninteractive apt-get "$@" >>"$log" 2>&1; }
# shellcheck disable=SC2086
get install -y -q --no-install-recommends $missing ||
    { get update -q && get install -y -q --no-install-recommends $missing; } ||
    { cat "$log" >&2; exit 1; }
find_missing
if [ -n "$missing" ]; then
    echo "still missing:$explained" >&2
    exit 1
fi
