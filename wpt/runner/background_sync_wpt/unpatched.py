"""The runner's own product `servo`, without expectations: for one Servo compared with another (`--unpatched`)."""

import os
from contextlib import contextmanager
from tempfile import TemporaryDirectory

from background_sync_wpt.roots import Roots

# The same for every Servo that is compared.
OPTIONS = [
    "--processes", "2",
    # Most tests that fail here wait for something that never comes.
    "--timeout-multiplier", "0.5",
    # The others have no subtests, and need flags of servoshell's.
    "--test-types", "testharness",
    # Whoever compares says what is good.
    "--no-fail-on-unexpected",
    # Each test has a browser of its own anyway.
    "--no-restart-on-unexpected",
]
# How often the number of finished tests is said.
PROGRESS_STEP = 20


def prepare(found, work):
    """Upstream's tests alone, without what we expect of them."""
    upstream = found.all[0]
    metadata = os.path.join(work, "no-expectations")
    os.makedirs(metadata, exist_ok=True)
    config = os.path.join(work, "comparison.ini")
    text = (
        "[products]\n\n[paths]\n\n[web-platform-tests]\nname = comparison\n\n"
        f"[manifest:upstream]\ntests = {upstream.tests}\nmetadata = {metadata}\n"
        f"manifest = {upstream.manifest}\nurl_base = /\n")
    # `%` begins a variable in such a file.
    with open(config, "w", encoding="utf-8") as file:
        file.write(text.replace("%", "%%"))
    return Roots(config, [upstream])


@contextmanager
def surroundings(work):
    """What the product takes from where it is started."""
    # Servo's preferences for tests come with its sources only. All that are compared go without.
    folder = os.path.join(work, "comparison")
    os.makedirs(os.path.join(folder, "resources"), exist_ok=True)
    with open(os.path.join(folder, "resources", "wpt-prefs.json"), "w", encoding="utf-8") as file:
        file.write("{}\n")
    os.chdir(folder)
    # Browsers are killed when their test is over, and leave their profiles behind.
    with TemporaryDirectory(prefix="background-sync-wpt-", ignore_cleanup_errors=True) as profiles:
        os.environ["TMPDIR"] = profiles
        yield


class Progress:
    """Says how far a run is: the log goes to a file."""

    def __init__(self):
        self.total = 0
        self.done = 0

    def __call__(self, data):
        if data["action"] == "suite_start":
            self.total = sum(len(tests) for tests in data["tests"].values())
        elif data["action"] == "test_end":
            self.done += 1
            if self.done % PROGRESS_STEP == 0:
                print(f"  {self.done} of {self.total} tests", flush=True)
