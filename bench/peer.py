"""The part of a peer that is the same for all: takes turns on command, times steps, reports.

Answers like `wengert-bench --served`: prints "ready" after the first steps, runs a slice for each line "run SECONDS",
and prints one JSON object at "end"."""
import json
import resource
import statistics
import sys
import time

WARM, LEAST = 3, 5


def peak_megabytes():
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve(name, version, fresh, step):
    """fresh() gives new random leaves, which is not timed; step(*leaves) does one step and gives a number to read."""
    for _ in range(WARM):
        step(*fresh())
    print("ready", flush=True)
    seconds, total = [], 0.0
    for line in sys.stdin:
        word = line.split()
        if word[0] != "run":
            break
        end, count = time.perf_counter() + float(word[1]), 0
        while count < LEAST or time.perf_counter() < end:
            leaves = fresh()
            start = time.perf_counter()
            result = step(*leaves)
            seconds.append(time.perf_counter() - start)
            total += float(result)
            count += 1
        print("done", flush=True)
    print(json.dumps({
        "peer": name, "version": version, "steps": len(seconds), "finite": total == total,
        "median_ms": 1e3 * statistics.median(seconds), "min_ms": 1e3 * min(seconds),
        "peak_rss_mb": peak_megabytes()}), flush=True)
