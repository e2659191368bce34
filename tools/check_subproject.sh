#!/bin/sh
# A small Meson project that has this one as a subproject builds and runs.
# usage: check_subproject.sh CC
set -eu
cd "$(dirname "$0")/.."
tree=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/subprojects" "$scratch/subprojects/wengert"
for part in meson.build meson_options.txt base graph ops engine autograd nn optim data train include tools; do
    [ ! -e "$part" ] || ln -s "$tree/$part" "$scratch/subprojects/wengert/$part"
done
cp tests/consumer.c "$scratch"
cat >"$scratch/meson.build" <<'END'
project('consumer', 'c', default_options: 'c_std=c11')
wengert = dependency('wengert', fallback: 'wengert', default_options: 'default_library=static')
consumer = executable('consumer', 'consumer.c', dependencies: wengert,
  c_args: '-DWENGERT_EXPECTED_VERSION="' + wengert.version() + '"')
test('consumer', consumer)
END
cd "$scratch"
# An installed library must not stand in for the tree.
CC=$1 meson setup --wrap-mode=forcefallback build >log 2>&1 || { cat log; exit 1; }
meson compile -C build >log 2>&1 || { cat log; exit 1; }
meson test -C build --no-rebuild --print-errorlogs >log 2>&1 || { cat log; exit 1; }
echo 'built and ran'
