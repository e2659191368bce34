#!/bin/sh
# Run by `meson install`: makes the installed static library one object whose internal names are local, so that they
# cannot meet names of the program it is linked into.   usage: localize.sh LIBDIR
set -eu
library="${MESON_INSTALL_DESTDIR_PREFIX:?is set by meson install}/$1/libwengert.a"
[ -f "$library" ] || exit 0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ld -r -o "$scratch/wengert.o" --whole-archive "$library"
objcopy --localize-hidden "$scratch/wengert.o"
rm "$library"
ar rcs "$library" "$scratch/wengert.o"
