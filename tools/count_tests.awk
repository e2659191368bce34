# Sums up Meson's testlog.txt: prints a line for each program, then "total PASSED FAILED".
# A unit test counts as many tests as it says (Criterion's synthesis, or "N passed, N failed"), a script as one.
# One failure at least: a program that does not exit with 0, a unit test that says nothing or ran nothing.
function finish() {
    if (name == "") return
    good = result == "exit status 0"
    if (!unit) { passed = good; failed = !good }
    if (unit && failed == 0 && (!good || passed == 0)) failed = 1
    printf "  %-24s %d passed, %d failed%s\n", name, passed, failed, good ? "" : "  (" result ")"
    all_passed += passed
    all_failed += failed
    name = ""
}
/^=+ [0-9]+\/[0-9]+ =+$/ { finish(); head = 1; passed = failed = 0; result = "no result"; next }
/^-+ std(out|err) -+$/ { head = 0; next }
head && /^test: / { name = $NF; unit = $0 ~ /:unit \//; next }
head && /^result: / { result = $0; sub(/^result: +/, "", result); next }
!head && /^[0-9]+ passed, [0-9]+ failed$/ { passed = $1; failed = $3 }
!head && /Synthesis: / {
    gsub(/\033\[[0-9;]*m/, "")
    for (i = 1; i < NF; i++) {
        if ($i == "Tested:") tested = $(i + 1)
        if ($i == "Passing:") passed = $(i + 1)
    }
    failed = tested - passed
}
END { finish(); print "total", all_passed + 0, all_failed + 0 }
