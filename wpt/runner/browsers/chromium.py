"""Product `chromium`: stock wptrunner's `chrome`, with short retries and the vendor commands.

It takes the place of the runner's own product of that name.
"""

import copy
import os

from background_sync_wpt import settings
from background_sync_wpt.devtools import NetworkCut, fire_periodic_sync
from background_sync_wpt.vendor import BackgroundSyncProtocolPart, page_scripts
from wptrunner.browsers import chrome
from wptrunner.browsers.chrome import (  # noqa: F401
    ChromeBrowser,
    ChromeDriverCrashTestExecutor,
    ChromeDriverRefTestExecutor,
    check_args,
    browser_kwargs,
    env_extras,
    get_timeout_multiplier,
    update_properties,
)
from wptrunner.executors.executorchrome import ChromeDriverProtocol, ChromeDriverTestharnessExecutor

__wptrunner__ = {
    "product": "chromium",
    "check_args": "check_args",
    "browser": "ChromiumBrowser",
    "executor": {
        "testharness": "ChromiumTestharnessExecutor",
        "reftest": "ChromeDriverRefTestExecutor",
        "crashtest": "ChromeDriverCrashTestExecutor",
    },
    "browser_kwargs": "browser_kwargs",
    "executor_kwargs": "executor_kwargs",
    "env_extras": "env_extras",
    "env_options": "env_options",
    "update_properties": "update_properties",
    "timeout_multiplier": "get_timeout_multiplier",
}


FIELD_TRIAL_PARAMETERS = "--force-fieldtrial-params=BackgroundSync.G:"


def executor_kwargs(logger, test_type, test_environment, run_info_data, subsuite, **kwargs):
    rv = chrome.executor_kwargs(logger, test_type, test_environment, run_info_data, subsuite, **kwargs)
    arguments = rv["capabilities"]["goog:chromeOptions"]["args"]
    # With a pipe, nobody but chromedriver could talk to the browser.
    arguments.remove("--remote-debugging-pipe")
    parameters = {
        "initial_retry_delay_sec": settings.FIRST_RETRY_DELAY_S,
        "retry_delay_factor": settings.RETRY_FACTOR,
        "max_sync_attempts": settings.MAX_ATTEMPTS,
        "max_sync_attempts_with_notification_permission": settings.MAX_ATTEMPTS,
        "min_recovery_time_sec": 1,
        "max_sync_event_duration_sec": settings.EVENT_CAP_S,
    }
    pairs = "/".join(f"{name}/{value}" for name, value in parameters.items())
    arguments += [
        "--force-fieldtrials=BackgroundSync/G",
        FIELD_TRIAL_PARAMETERS + pairs,
        # The certificates of a checkout may have expired.
        "--ignore-certificate-errors",
    ]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return rv


def env_options():
    options = chrome.env_options()
    options["testharnessreport"] = [
        os.path.join("executors", "message-queue.js"),
        "testharnessreport.js",
        *page_scripts(),
    ]
    return options


class ChromiumBackgroundSyncProtocolPart(BackgroundSyncProtocolPart):
    """The vendor commands, by the DevTools protocol."""

    def setup(self):
        self._cut = None

    @property
    def _address(self):
        return self.parent.webdriver.capabilities["goog:chromeOptions"]["debuggerAddress"]

    def set_online(self, online):
        if online and self._cut is not None:
            cut, self._cut = self._cut, None
            cut.end()
        elif not online and self._cut is None:
            self._cut = NetworkCut(self._address)

    def set_permission(self, origin, name, state):
        self.parent.cdp.execute_cdp_command(
            "Browser.setPermission", {"permission": {"name": name}, "setting": state, "origin": origin})

    def fire_periodic_sync(self, scope, tag):
        fire_periodic_sync(self._address, scope, tag)

    def reset(self):
        # Permissions are reset by the runner itself.
        self.set_online(True)


class ChromiumProtocol(ChromeDriverProtocol):
    """Stock, and the vendor commands."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    # The constructor of the base class copies its own list.
    @property
    def implements(self):
        return self._implements

    @implements.setter
    def implements(self, parts):
        self._implements = [*parts, ChromiumBackgroundSyncProtocolPart]


class ChromiumBrowser(ChromeBrowser):
    """Stock, started anew between tests with and without short periodic intervals."""

    def settings(self, test):
        return {**super().settings(test), "short_intervals": settings.wants_short_intervals(test.prefs)}


def with_short_intervals(capabilities):
    """The same, for a browser whose periodic intervals are short.

    They are multiples of this one, by how much the user engages with the origin. What the runner does counts as that.
    """
    capabilities = copy.deepcopy(capabilities)
    more = f"/min_periodic_sync_events_interval_sec/{settings.SHORT_PERIODIC_INTERVAL_S}"
    options = capabilities["goog:chromeOptions"]
    options["args"] = [
        argument + more if argument.startswith(FIELD_TRIAL_PARAMETERS) else argument for argument in options["args"]]
    return capabilities


class ChromiumTestharnessExecutor(ChromeDriverTestharnessExecutor):
    """Stock, and the vendor commands."""

    def __init__(self, *args, **kwargs):
        if kwargs.get("browser_settings", {}).get("short_intervals"):
            kwargs["capabilities"] = with_short_intervals(kwargs["capabilities"])
        super().__init__(*args, **kwargs)

    # The constructor of the base class chooses among its own two.
    @property
    def protocol_cls(self):
        return ChromiumProtocol

    @protocol_cls.setter
    def protocol_cls(self, _):
        pass

    def do_testharness(self, protocol, url, timeout):
        protocol.background_sync.reset()
        try:
            return super().do_testharness(protocol, url, timeout)
        finally:
            protocol.background_sync.reset()
