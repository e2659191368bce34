#!/bin/sh
# Compares the project's C with .clang-format; `sh tools/format.sh fix` rewrites what differs.
set -eu
cd "$(dirname "$0")/.."
clang_format=
for name in clang-format-14 clang-format; do
    if command -v $name >/dev/null 2>&1 && $name --version | grep -q 'version 14\.'; then
        clang_format=$name
        break
    fi
done
[ -n "$clang_format" ] || { echo 'clang-format 14 is needed: others format otherwise' >&2; exit 1; }

# shellcheck disable=SC2046
set -- "${1-}" $(find base graph ops engine autograd nn optim data train include examples bench tests \
    -name '*.[ch]' -o -name '*.cpp' 2>/dev/null | sort)
mode=$1
shift
[ $# -gt 0 ] || { echo 'no C files found' >&2; exit 1; }
if [ "$mode" = fix ]; then
    $clang_format -i "$@"
else
    $clang_format --dry-run --Werror "$@"
    echo "  $# files"
fi
