"""The test roots: upstream's checkout, our tests, and upstream's IDL tests forced into a service worker."""

import os
from dataclasses import dataclass

# What of upstream's tests has to do with Background Sync. A checkout may lack some.
UPSTREAM = [
    "/background-sync",
    "/periodic-background-sync",
    "/permissions/all-permissions.html",
    "/dom/nodes/Document-createEvent.https.html",
]
# Upstream's tests that are run in a service worker, too.
IN_SERVICE_WORKER = [
    "background-sync/idlharness.https.any.js",
    "periodic-background-sync/idlharness.https.any.js",
]


class UsageError(Exception):
    """The command line or the checkout is wrong."""


@dataclass
class Root:
    """Tests that are served below one URL path."""

    name: str
    url_base: str
    tests: str
    metadata: str
    # What the runner knows of the tests.
    manifest: str


@dataclass
class Roots:
    """All of them, and the runner's configuration that names them."""

    config: str
    all: list


def prepare(checkout, work, repository):
    """Writes what the runner reads, and the generated tests."""
    if not os.path.isfile(os.path.join(checkout, "tools", "wptrunner", "wptrunner", "wptrunner.py")):
        raise UsageError(f"{checkout} is not a web-platform-tests checkout with wptrunner in tools/wptrunner")
    wpt = os.path.join(repository, "wpt")
    generated = os.path.join(work, "serviceworker")
    roots = [
        Root(name, url_base, tests, os.path.join(wpt, "meta", name),
             os.path.join(work, "manifests", name, "MANIFEST.json"))
        for name, url_base, tests in [
            ("upstream", "/", checkout),
            ("serviceworker", "/_serviceworker/", generated),
            ("tests", "/_sync/", os.path.join(wpt, "tests")),
        ]
    ]
    generate(checkout, generated)
    sections = []
    for root in roots:
        os.makedirs(root.metadata, exist_ok=True)
        os.makedirs(os.path.dirname(root.manifest), exist_ok=True)
        sections.append(
            f"[manifest:{root.name}]\ntests = {root.tests}\nmetadata = {root.metadata}\n"
            f"manifest = {root.manifest}\nurl_base = {root.url_base}\n")
    config = os.path.join(work, "wptrunner.ini")
    header = "[products]\n\n[paths]\n\n[web-platform-tests]\nname = background-sync\n\n"
    # `%` begins a variable in such a file.
    with open(config, "w", encoding="utf-8") as file:
        file.write((header + "\n".join(sections)).replace("%", "%%"))
    return Roots(config, roots)


def generate(checkout, folder):
    """Copies upstream's tests with another scope. Nothing of them is kept in the repository."""
    for path in IN_SERVICE_WORKER:
        try:
            with open(os.path.join(checkout, path), encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError as error:
            raise UsageError(f"{checkout} lacks {path}") from error
        lines = [line for line in text.splitlines() if not line.startswith("// META: global=")]
        target = os.path.join(folder, path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write("\n".join(["// META: global=serviceworker", *lines, ""]))


def choose(roots, paths, suites):
    """The URL paths to run: what was asked for, or these suites of upstream's and all else that there is."""
    upstream = roots.all[0]
    if not paths:
        present = [path for path in suites if os.path.exists(os.path.join(upstream.tests, path.lstrip("/")))]
        return present + [root.url_base.rstrip("/") for root in roots.all if root is not upstream]
    includes = []
    for path in paths:
        found = [path] if path.startswith("/") and not os.path.exists(path) else list(as_urls(roots, path))
        if not found:
            folders = "wpt/tests or the checkout" if len(roots.all) > 1 else upstream.tests
            raise UsageError(
                f"{path} is not below {folders}; a test may also be named by its URL, such as "
                "/background-sync/idlharness.https.any.worker.html")
        includes += found
    return includes


def as_urls(roots, path):
    """Where a path is served: relative to this folder, or to any root."""
    absolute = os.path.abspath(path)
    for root in sorted(roots.all, key=lambda root: -len(root.tests)):
        if os.path.exists(absolute) and absolute.startswith(root.tests + os.sep):
            yield from served(root, os.path.relpath(absolute, root.tests))
            return
    for root in roots.all:
        if os.path.exists(os.path.join(root.tests, path)):
            yield from served(root, path)


def served(root, path):
    """A script becomes several pages, so its stem is what their URLs begin with."""
    url = root.url_base + path.strip("/")
    for suffix in (".any.js", ".window.js", ".worker.js"):
        if url.endswith(suffix):
            stem = url[: -len(".js")]
            return [f"{stem}.html", f"{stem}.worker.html", f"{stem}.serviceworker.html", f"{stem}.sharedworker.html"]
    return [url]
