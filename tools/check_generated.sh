#!/bin/sh
# The checked-in include/wengert/ops.h is what the table of primitives generates.
# usage: check_generated.sh GENERATOR [write]   ("write" renews the header: ninja -C BUILD regenerate)
set -eu
cd "$(dirname "$0")/.."
fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
"$1" >"$fresh"
if [ "${2-}" = write ]; then
    cat "$fresh" >include/wengert/ops.h
    exit
fi
[ -s "$fresh" ] || { echo 'the generator printed nothing'; exit 1; }
if ! diff -u include/wengert/ops.h "$fresh"; then
    echo 'include/wengert/ops.h is out of date: ninja -C BUILD regenerate'
    exit 1
fi
