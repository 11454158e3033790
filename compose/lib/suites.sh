# Runs suites of tests, each a process of its own; sourced by compose/test and .ci/sanitize.

# suites LOGS COMMAND TARGET...: runs `COMMAND TARGET` for each target with its output in LOGS/TARGET.log, and returns 1 when one
# has failed for good. A target that fails is run once more when the others are done, because suites of real brokers, databases
# and deadlines share their machine with strangers; what passed only then is named at the end, with what failed at first, and is
# to be looked into. A sanitizer's report is never given a second chance.
suites() {
    local logs=$1 command=$2 target failed=() again=() lost=()
    shift 2
    mkdir -p "$logs"
    for target in "$@"; do
        printf '\n-- %s (%s s)\n' "$target" "$SECONDS"
        suite "$logs/$target.log" "$command" "$target" || failed+=("$target")
    done
    for target in "${failed[@]}"; do
        if grep -qE '(Thread|Address|Leak)Sanitizer' "$logs/$target.log"; then
            lost+=("$target")
            continue
        fi
        mv "$logs/$target.log" "$logs/$target.first.log"
        printf '\n-- %s, again (%s s)\n' "$target" "$SECONDS"
        if suite "$logs/$target.log" "$command" "$target"; then again+=("$target"); else lost+=("$target"); fi
    done
    for target in "${again[@]}"; do
        printf '\n== %s passed only the second time; the first is in %s\n' "$target" "$logs/$target.first.log"
        what_failed "$logs/$target.first.log"
    done
    for target in "${lost[@]}"; do
        printf '\n== What failed in %s; all of it is in %s\n' "$target" "$logs/$target.log"
        what_failed "$logs/$target.log"
    done
    if [ ${#lost[@]} -gt 0 ]; then
        echo "Failed: ${lost[*]}" >&2
        return 1
    fi
}

# What passed is one line; the whole output is in the log.
suite() {
    local log=$1 command=$2 target=$3 status=0
    "$command" "$target" > "$log" 2>&1 || status=$?
    if [ "$status" != 0 ]; then tail -n 200 "$log"; fi
    grep -E 'Test run with' "$log" | tail -n 1 || true
    grep -E 'skipped' "$log" | grep -v 'Suite' || true
    return "$status"
}

what_failed() {
    grep -E '✘|error:|Fatal|signal|abort|Assert|Sanitizer|SUMMARY' "$1" | tail -n 40 || true
}
