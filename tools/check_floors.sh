#!/bin/sh
# The house's rule: a file uses its own folder and the floors below, never one above, never a neighbour on its floor.
# Reads every #include; also finds sources that no meson.build lists. Runs in the root of the project.
set -eu

floors='base graph ops engine autograd nn optim data train'
present=''
for folder in $floors include examples tests; do
    [ -d "$folder" ] && present="$present $folder"
done
# shellcheck disable=SC2086
files=$(find $present -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.inc' -o -name '*.cpp' \) | sort)

{ printf '%s\n' "$files"; } | awk '
BEGIN {
    split("base 0 graph 1 ops 2 engine 3 autograd 4 nn 5 optim 5 data 5 train 6", words, " ")
    for (i = 1; i in words; i += 2) floor[words[i]] = words[i + 1]
    complaints = seen = 0
}
function complain(text) { print file ":" line ": " text; complaints++ }
function top(path) { sub(/\/.*/, "", path); return path }
function join_path(folder, name) {
    while (sub(/^\.\//, "", name)) ;
    while (name ~ /^\.\.\//) { sub(/^\.\.\//, "", name); if (!sub(/\/[^\/]*$/, "", folder)) folder = "" }
    return folder == "" ? name : folder "/" name
}
# The file that an include means, or "" for one of the system.
function resolve(quoted, name,   folder) {
    folder = file
    if (!sub(/\/[^\/]*$/, "", folder)) folder = ""
    if (quoted && join_path(folder, name) in known) return join_path(folder, name)
    if (name in known) return name
    if (("include/" name) in known) return "include/" name
    if (quoted || top(name) in floor || top(name) == "wengert" || top(name) == "tests" || top(name) == "examples")
        complain("does not resolve: " name)
    return ""
}
function check(target,   here, there) {
    here = top(file)
    there = top(target)
    if (here == "include" || here == "examples" || file ~ /^tests\/(test_reference\.c|reference\/)/) {
        if (there == "include" || target == "tests/harness.h" || (here == "tests" && target ~ /^tests\/reference\//)) return
        complain("sees public headers only, not " target)
    } else if (here in floor) {
        if (there in floor) {
            if (floor[there] > floor[here]) complain("includes upward: " target)
            if (floor[there] == floor[here] && there != here) complain("includes a neighbour: " target)
        } else if (there != "include") complain("nothing below includes " there "/: " target)
        if ((here == "nn" || here == "optim") && (there == "engine" || target == "include/wengert/op.h" ||
                                                  target == "include/wengert/wengert.h"))
            complain("layers and optimisers see neither the op struct nor the engine: " target)
    }
}
function read_file(   text, name, quoted, target) {
    line = 0
    while ((getline text < file) > 0) {
        line++
        if (text !~ /^[ \t]*#[ \t]*include/) continue
        name = text
        sub(/^[ \t]*#[ \t]*include[ \t]*/, "", name)
        quoted = name ~ /^"/
        if (!quoted && name !~ /^</) { complain("an include that cannot be read"); continue }
        name = substr(name, 2)
        sub(/[">].*/, "", name)
        target = resolve(quoted, name)
        if (target != "") check(target)
    }
    close(file)
}
# Whether the meson.build of its folder lists a source: as a path, or without .c where each is one program.
function check_listed(   folder, name, list, text, found) {
    folder = top(file)
    if (file !~ /\.c$/ || folder == "include" || file == "ops/generate.c") return
    if (folder == "tests" && file !~ /^tests\/(test_[^\/]*\.c|reference\/.*)$/) return
    name = substr(file, length(folder) + 2)
    if (folder == "examples" || (folder == "tests" && name ~ /^test_/ && name != "test_reference.c")) sub(/\.c$/, "", name)
    list = folder "/meson.build"
    while ((getline text < list) > 0) if (text !~ /^[ \t]*#/ && index(text, "\047" name "\047")) found = 1
    close(list)
    line = 1
    if (!found) complain("is not listed in " list)
}
{ known[$0] = 1; order[NR] = $0 }
END {
    for (i = 1; i <= NR; i++) {
        file = order[i]
        read_file()
        check_listed()
        if (top(file) in floor) seen++
    }
    if (seen < 20) { print "only " seen " files on all floors: is this the root of the project?"; complaints++ }
    print seen " files on the floors, " complaints " complaints"
    exit complaints > 0
}'
