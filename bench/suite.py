"""Runs workloads, each in a process of its own, and their peers in turns with them; prints one JSON object for each.

usage: suite.py PROGRAM [--threads N] [--peers] [--seconds S] [NAME...]      (what tools/bench.sh calls)"""
import argparse
import datetime
import json
import math
import os
import select
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SLICES = 4        # turns that each participant has
PATIENCE = 240    # seconds that a participant may take to get ready, or for anything else
PEERS = [("torch", "eager"), ("torch", "fused"), ("torch", "compile"), ("torch", "layer"), ("jax", "jit"), ("jax", "scan")]
# Without this PyTorch gives large buffers back to the system in each step and pays for every page anew.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184",
               "MALLOC_TOP_PAD_": "67108864"}


class Participant:
    """A program that answers as `wengert-bench --served` does."""

    def __init__(self, label, command, environment, quiet):
        self.label = label
        self.process = subprocess.Popen(command, env=environment, text=True, start_new_session=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL if quiet else None)

    def answer(self):
        """The next line, "" if there is none."""
        if not select.select([self.process.stdout], [], [], PATIENCE)[0]:
            print(f"{self.label}: no answer in {PATIENCE} s", file=sys.stderr)
            os.killpg(self.process.pid, signal.SIGKILL)
            return ""
        return self.process.stdout.readline().strip()

    def ask(self, text):
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return ""
        return self.answer()

    def finish(self):
        """What it reports at its end; None if nothing."""
        text = self.ask("end")
        self.process.communicate()
        return json.loads(text) if text.startswith("{") else None


def peers_present(python):
    probe = "import importlib.util as u; print(*(n for n in ('torch', 'jax') if u.find_spec(n)))"
    try:
        return subprocess.run([python, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return []


def participants(options, name, present):
    threads = str(options.threads)
    environment = dict(os.environ, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads, LC_ALL="C")
    ours = Participant("wengert", [options.program, name, "--threads", threads, "--served"], environment, False)
    peers = []
    if name.startswith("w"):
        for package, mode in PEERS:
            if package in present:
                command = [options.python, os.path.join(HERE, f"peer_{package}.py"), name, threads, mode]
                peers.append(Participant(f"{package} {mode}", command, dict(environment, **KEEP_MEMORY), True))
    return ours, peers


def run(options, name, present):
    """The result of one workload; None if it broke."""
    ours, peers = participants(options, name, present)
    good = ours.answer() == "ready"
    peers = [p for p in peers if p.answer() == "ready"]  # the others leave: they lack the workload or the mode
    slices = SLICES if peers else 1
    for _ in range(slices if good else 0):
        for each in [ours] + peers:
            each.ask(f"run {options.seconds / slices}")
    result = ours.finish()
    reports = [r for r in (p.finish() for p in peers) if r and r.get("finite")]
    if not result:
        return None
    if reports:
        best = min(reports, key=lambda r: r["median_ms"])
        result.update(peer=best["peer"], peer_median_ms=round(best["median_ms"], 6),
                      ratio=round(result["median_ms"] / best["median_ms"], 4), peers=reports)
    return result


def number(value, digits=3):
    return "-" if value is None else f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"


def print_table(results):
    labels = [f"{package} {mode}" for package, mode in PEERS]
    labels = [p for p in labels if any(p == r["peer"] for result in results for r in result.get("peers", []))]
    rows = [["workload", "ours ms", "min ms", "of roof", "MB", *labels, "ratio"]]
    for r in results:
        of = {p["peer"]: p["median_ms"] for p in r.get("peers", [])}
        rows.append([r["workload"] + ("" if r["correct"] else " WRONG"), number(r["median_ms"]), number(r["min_ms"]),
                     number(r["roofline_share"], 2), number(r["peak_rss_mb"]), *(number(of.get(p)) for p in labels),
                     number(r.get("ratio"))])
    widths = [max(map(len, column)) for column in zip(*rows)]
    print()
    for row in rows:
        print("  ".join([row[0].ljust(widths[0])] + [text.rjust(width) for text, width in zip(row[1:], widths[1:])]))
    print()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_intermixed_args()
    options.python = os.environ.get("WENGERT_PYTHON", "python3")
    listing = subprocess.run([options.program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    known = [line.split()[0] for line in listing.splitlines()]
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"unknown: {' '.join(unknown)}; there are {' '.join(known)}")
    present = peers_present(options.python) if options.peers else []
    if options.peers and not present:
        print("no PyTorch and no JAX found; WENGERT_PYTHON may name a Python that has them", file=sys.stderr)

    wanted, results = options.names or known, []
    for name in wanted:
        result = run(options, name, present)
        if result:
            results.append(result)
            print(json.dumps(result), flush=True)
    if options.peers:
        print_table(results)
    ratios = {r["workload"]: r["ratio"] for r in results if "ratio" in r}
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios)) if ratios else None
    correct = len(results) == len(wanted) and all(r["correct"] for r in results)
    print(json.dumps({
        "workloads": len(results), "missing": [n for n in wanted if n not in [r["workload"] for r in results]],
        "correct": correct, "threads": options.threads, "seconds": options.seconds,
        "date": datetime.date.today().isoformat(), "load": round(os.getloadavg()[0], 2), "peers": present,
        "median_ms": {r["workload"]: r["median_ms"] for r in results},
        "ratio": ratios, "mean_ratio": mean and round(mean, 4)}))
    return 0 if correct else 1


sys.exit(main())
