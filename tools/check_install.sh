#!/bin/sh
# Installs the build into an empty folder and builds every example against it by pkg-config alone, shared and static;
# tests/consumer.c also runs, outside the tree.
# usage: check_install.sh BUILD CC
set -eu
cd "$(dirname "$0")/.."
build=$(cd "$1" && pwd) cc=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
meson install -C "$build" --no-rebuild --quiet --destdir "$root/shared" >"$root/log" 2>&1 || { cat "$root/log"; exit 1; }
cp -a "$root/shared" "$root/static"
find "$root/static" -name 'libwengert.so*' -exec rm {} +
find "$root/shared" -name 'libwengert.a' -exec rm {} +

soname=$(find "$root/shared" -name libwengert.so.0)
if [ ! -L "$soname" ] || [ ! -f "${soname%.0}.0.1.0" ]; then
    echo 'no libwengert.so.0 beside libwengert.so.0.1.0'
    exit 1
fi

failed=0 programs=0
if nm -g --defined-only "$(find "$root/static" -name libwengert.a)" | grep ' [A-Z] ' | grep -v ' wg_'; then
    echo 'the static library defines names that do not begin with wg_'
    failed=1
fi
for kind in shared static; do
    pc=$(find "$root/$kind" -name wengert.pc)
    [ -n "$pc" ] || { echo 'no wengert.pc'; exit 1; }
    if grep -nF -e "$PWD" -e "$build" "$pc"; then
        echo 'wengert.pc names the build tree'
        failed=1
    fi
    # As if it had been installed at its present place.
    sed "s|^prefix=|prefix=$root/$kind|" "$pc" >"$pc.moved"
    mv "$pc.moved" "$pc"
    static=
    [ $kind = shared ] || static=--static
    export PKG_CONFIG_PATH="${pc%/*}"
    # shellcheck disable=SC2086
    flags=$(pkg-config $static --cflags --libs wengert)
    version=$(pkg-config --modversion wengert)
    for source in tests/consumer.c examples/*.c; do
        [ -f "$source" ] || continue
        program=$root/$kind-$(basename "$source" .c)
        # shellcheck disable=SC2086
        $cc -std=c11 -Wall -Wextra -Wpedantic -Werror "-DWENGERT_EXPECTED_VERSION=\"$version\"" \
            "$source" $flags -lm -o "$program" || { echo "$source: not against the $kind library"; failed=1; }
        programs=$((programs + 1))
    done
    (cd "$root" && LD_LIBRARY_PATH=$(dirname "$(find "$root/$kind" -name 'libwengert.so.0' -o -name 'libwengert.a')") \
        "./$kind-consumer") || { echo "tests/consumer.c fails with the $kind library"; failed=1; }
done
[ "$programs" -gt 2 ] || { echo 'no program in examples/'; failed=1; }
echo "$programs programs built"
exit $failed
