"""`wpt run` of the checkout as it is, with the runner's own products: it loads nothing of this folder.

It gets our expectations of upstream's tests, and the binary.
"""

import os
import subprocess
import sys

from background_sync_wpt.roots import Roots, UsageError

# Upstream's own suites of Background Sync.
SUITES = ["/background-sync", "/periodic-background-sync"]
# `wpt run` refuses to start them unless this file names its servers. The browser takes the names from the runner.
NEEDS_HOSTS = ["servodriver"]
HOSTS = "/etc/hosts"
PRODUCTS = ["servo", *NEEDS_HOSTS]
# Where a process, and nobody else, may see another file in place of that one: as root, and in a user namespace.
NAMESPACES = [["unshare", "--mount"], ["unshare", "--map-current-user", "--keep-caps", "--mount"]]


def prepare(found):
    """Upstream's tests alone."""
    return Roots(found.config, found.all[:1])


def run(arguments, found, includes, report_path, launcher):
    """Runs the tests; whether the runner found anything unexpected."""
    upstream = found.all[0]
    formatter = ["--log-mach", "-", "--log-mach-verbose"] if arguments.verbose else ["--log-grouped", "-"]
    command = [
        *launcher, *wpt(), "run",
        "--yes",
        "--binary", os.path.abspath(arguments.binary),
        "--headless",
        "--metadata", upstream.metadata,
        # Otherwise it is written beside the expectations.
        "--manifest", upstream.manifest,
        "--no-manifest-download",
        # No test here needs that server, it is slow to start, and it fills the log at the end.
        "--no-enable-webtransport-h3",
        "--log-wptreport", report_path,
        *formatter,
    ]
    if arguments.browser_version:
        command += ["--browser-version", arguments.browser_version]
    command += [arguments.product, *includes]
    return subprocess.run(command, cwd=arguments.checkout, check=False).returncode != 0


def wpt():
    """The checkout's command, to be run in its folder, with the Python packages that are there."""
    return [sys.executable, "wpt", "--venv", sys.prefix, "--skip-venv-setup"]


def find_launcher(arguments):
    """What the command line begins with, so that `wpt run` finds the names of its servers."""
    if arguments.product not in NEEDS_HOSTS:
        return []
    made = subprocess.run(
        [*wpt(), "make-hosts-file"], cwd=arguments.checkout, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise UsageError(f"`wpt make-hosts-file` failed in {arguments.checkout}: {made.stderr.strip()}")
    with open(HOSTS, encoding="utf-8") as file:
        present = file.read()
    if host_names(made.stdout) <= host_names(present):
        return []
    hosts = os.path.join(arguments.work, "hosts")
    with open(hosts, "w", encoding="utf-8") as file:
        file.write(f"{present.rstrip()}\n{made.stdout}")
    reasons = []
    for namespace in NAMESPACES:
        launcher = [*namespace, "sh", "-c", f'mount --bind "$0" {HOSTS} && exec "$@"', hosts]
        reason = why_not([*launcher, "true"])
        if reason is None:
            return launcher
        reasons.append(reason)
    raise UsageError(no_hosts(arguments, reasons))


def host_names(text):
    """The names in a hosts file."""
    lines = (line.split("#", 1)[0].split() for line in text.splitlines())
    return {name for words in lines for name in words[1:]}


def why_not(command):
    """What keeps a command from working, or None."""
    try:
        trial = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    if trial.returncode == 0:
        return None
    return trial.stderr.strip() or f"{command[0]} ended with {trial.returncode}"


def no_hosts(arguments, reasons):
    """For people: what was tried, and what to do."""
    return (
        f"`wpt run {arguments.product}` needs the names of its servers in {HOSTS}, and here no mount namespace can be "
        f"made that has them ({'; '.join(dict.fromkeys(reasons))}). Add them once: "
        f"python3 {os.path.join(arguments.checkout, 'wpt')} make-hosts-file | sudo tee -a {HOSTS}")
