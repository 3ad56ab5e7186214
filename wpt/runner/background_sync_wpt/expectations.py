"""Rules for wpt/meta that the runner does not enforce: every expectation has a reason, and none is stale."""

import os

from wptrunner.wptmanifest.backends.static import compile as compile_static

from .reasons import first_problem
from .roots import UsageError


def files(root):
    """Every .ini file of a root, and the URL path of the folder it describes."""
    for folder, _, names in os.walk(root.metadata):
        for name in sorted(names):
            if name.endswith(".ini") and name != "__dir__.ini":
                path = os.path.join(folder, name)
                below = os.path.relpath(folder, root.metadata)
                url = root.url_base + ("" if below == "." else below.replace(os.sep, "/") + "/")
                yield path, url


def check_reasons(roots):
    """Raises for the first expectation that says nowhere why."""
    for root in roots.all:
        for path, _ in files(root):
            with open(path, encoding="utf-8") as file:
                problem = first_problem(file.read().splitlines())
            if problem is not None:
                line, what = problem
                raise UsageError(f"{path}, line {line}: {what}")


def find_stale(roots, results, product, complete):
    """Sentences about expectations that no result has asked for.

    Of tests whose URLs begin with one of `complete`, all were run.
    """
    stale = []
    run_info = dict(results["run_info"], product=product)
    by_test = {result["test"]: {subtest["name"] for subtest in result["subtests"]} for result in results["results"]}
    for root in roots.all:
        for path, url in files(root):
            with open(path, "rb") as file:
                manifest = compile_static(file, run_info, data_cls_getter=None)
            for test in manifest.iterchildren():
                subtests = by_test.get(url + test.name)
                if subtests is None:
                    if (url + test.name).startswith(tuple(complete)):
                        stale.append(f"{path}: there is no test {url}{test.name}")
                    continue
                stale += [
                    f"{path}: {test.name} has no subtest “{subtest.name}”"
                    for subtest in test.iterchildren()
                    if subtest.name not in subtests and applies(subtest)
                ]
    return stale


def applies(section):
    """Whether the section says anything about this product."""
    return section.has_key("expected") or section.has_key("disabled")
