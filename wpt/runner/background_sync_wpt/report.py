"""Reads the standard report, and says in numbers what it means."""

import json
import sys
from collections import Counter

# What a result is when no expectation says otherwise.
GOOD = {"OK", "PASS"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def outcomes(results):
    """Every test and subtest: where, name, status, the status that was expected."""
    for result in results["results"]:
        expected = result.get("expected", result["status"])
        yield result["test"], None, result["status"], expected
        for subtest in result["subtests"]:
            yield result["test"], subtest["name"], subtest["status"], subtest.get("expected", subtest["status"])


def summarize(results, stale, failed, roots):
    """Prints the summary; the exit code."""
    unexpected = [outcome for outcome in outcomes(results) if outcome[2] != outcome[3]]
    by_suite = {}
    for test, subtest, status, _ in outcomes(results):
        counts = by_suite.setdefault(suite(test, roots), Counter())
        if subtest is None:
            counts["tests"] += 1
            # A crash test, say, has no subtests: it counts as one.
            if not status == "PASS":
                continue
        counts["subtests"] += 1
        counts["passed"] += status in GOOD
    print()
    width = max((len(name) for name in by_suite), default=0)
    total = Counter()
    for name, counts in by_suite.items():
        total += counts
        print(f"{name:{width}}  {counts['passed']:4} of {counts['subtests']:4} subtests pass in {counts['tests']} tests")
    print(f"{'all':{width}}  {total['passed']:4} of {total['subtests']:4} subtests pass in {total['tests']} tests")
    for test, subtest, status, expected in unexpected:
        where = test if subtest is None else f"{test} “{subtest}”"
        print(f"unexpected: {where}: {status}, not {expected}")
    for sentence in stale:
        print(f"stale: {sentence}")
    if total["tests"] == 0:
        print("error: no test was run", file=sys.stderr)
        return 1
    if failed and not unexpected:
        print("error: wptrunner reports a failure of its own; its output above says which", file=sys.stderr)
    if unexpected or stale or failed:
        return 1
    print("Every result is as expected.")
    return 0


def suite(test, roots):
    """The folder that a test is counted with: the first one below its root."""
    root = max((root for root in roots.all if test.startswith(root.url_base)), key=lambda root: len(root.url_base))
    below = test[len(root.url_base):].split("/")
    folder = "/".join(below[:1])
    return folder if root.name == "upstream" else f"{root.name}: {folder}"
