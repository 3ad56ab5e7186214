"""Product `kiosk`: a process for each test, with a fresh profile, driven over the kiosk's control channel.

Stock wptrunner drives the kiosk, too, as its products `servo` and `servodriver`; this one adds the vendor commands.
"""

import json
import os
import tempfile
import time
from urllib.parse import urlsplit

from background_sync_wpt import settings
from background_sync_wpt.control import Kiosk, KioskEnded
from background_sync_wpt.vendor import BackgroundSyncProtocolPart, VendorCommandError, page_scripts
from tools.serve.serve import make_hosts_file
from wptrunner.browsers.base import ExecutorBrowser, NullBrowser, get_timeout_multiplier, require_arg  # noqa: F401
from wptrunner.executors import executor_kwargs as base_executor_kwargs
from wptrunner.executors.base import (
    CallbackHandler,
    crashtest_result_converter,
    strip_server,
    testharness_result_converter,
)
from wptrunner.executors.process import ProcessTestExecutor
from wptrunner.executors.protocol import Protocol, SetPermissionProtocolPart, TestDriverProtocolPart

__wptrunner__ = {
    "product": "kiosk",
    "check_args": "check_args",
    "browser": "KioskBrowser",
    "executor": {
        "testharness": "KioskTestharnessExecutor",
        "crashtest": "KioskCrashtestExecutor",
    },
    "browser_kwargs": "browser_kwargs",
    "executor_kwargs": "executor_kwargs",
    "env_extras": "env_extras",
    "env_options": "env_options",
    "timeout_multiplier": "get_timeout_multiplier",
    "update_properties": "update_properties",
}

HERE = os.path.dirname(os.path.abspath(__file__))
# How kiosk-page.js marks what is for the runner.
MARK = "WPT MESSAGE: "

CONFIG = f"""
[background_sync]
first_retry_delay_ms = {settings.FIRST_RETRY_DELAY_S * 1000}
retry_factor = {settings.RETRY_FACTOR}
retry_jitter_percent = 0
reconnect_retry_spread_ms = 0
max_attempts = {settings.MAX_ATTEMPTS}
event_cap_ms = {settings.EVENT_CAP_S * 1000}
periodic_max_attempts = {settings.MAX_ATTEMPTS}
"""
SHORT_PERIODIC_INTERVALS = f"""
periodic_interval_any_origin_ms = {settings.SHORT_PERIODIC_INTERVAL_S * 1000}
periodic_interval_across_origins_ms = {settings.SHORT_PERIODIC_INTERVAL_S * 1000}
periodic_grouping_ms = 0
"""


def check_args(**kwargs):
    require_arg(kwargs, "binary")


def browser_kwargs(logger, test_type, run_info_data, config, **kwargs):
    return {"binary": kwargs["binary"], "binary_args": kwargs["binary_args"]}


def executor_kwargs(logger, test_type, test_environment, run_info_data, subsuite, **kwargs):
    return base_executor_kwargs(test_type, test_environment, run_info_data, subsuite, **kwargs)


def env_extras(**kwargs):
    return []


def update_properties():
    return ["product"], {}


def env_options():
    return {
        "server_host": "127.0.0.1",
        "bind_address": False,
        "testharnessreport": [
            os.path.join("executors", "message-queue.js"),
            "testharnessreport.js",
            *page_scripts(),
            os.path.join(os.path.dirname(HERE), "background_sync_wpt", "kiosk-page.js"),
        ],
    }


class KioskBrowser(NullBrowser):
    """Each test starts its own, so there is nothing to manage."""

    def __init__(self, logger, binary, binary_args=None, **kwargs):
        super().__init__(logger, **kwargs)
        self.binary = binary
        self.binary_args = binary_args or []

    def executor_browser(self):
        return ExecutorBrowser, {"binary": self.binary, "binary_args": self.binary_args}


class KioskTestDriverProtocolPart(TestDriverProtocolPart):
    """Answers, as messages to the window of the test."""

    def send_message(self, cmd_id, message_type, status, message=None):
        answer = {"cmd_id": cmd_id, "type": f"testdriver-{message_type}", "status": str(status)}
        if message:
            answer["message"] = str(message)
        self.parent.kiosk.send(f"eval window.postMessage({json.dumps(answer)}, '*')")


class KioskSetPermissionProtocolPart(SetPermissionProtocolPart):
    """`test_driver.set_permission()`, for what the kiosk knows."""

    def set_permission(self, descriptor, state):
        self.parent.background_sync.set_permission(self.parent.origin, descriptor["name"], state)


class KioskBackgroundSyncProtocolPart(BackgroundSyncProtocolPart):
    """The vendor commands, as lines of the control channel."""

    def set_online(self, online):
        self.parent.kiosk.ask("online" if online else "offline")

    def set_permission(self, origin, name, state):
        self.parent.kiosk.ask(f"permission {name} {state} {origin}/")

    def fire_periodic_sync(self, scope, tag):
        escaped = tag.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
        self.parent.kiosk.ask(f"fire-periodic {scope} {escaped}")

    def reset(self):
        """Each test has a process of its own."""


class KioskProtocol(Protocol):
    """The parts, and the kiosk that runs at present."""

    implements = [
        KioskBackgroundSyncProtocolPart,
        KioskSetPermissionProtocolPart,
        KioskTestDriverProtocolPart,
    ]
    kiosk = None
    origin = None

    def connect(self):
        pass

    def after_connect(self):
        pass


class KioskCallbackHandler(CallbackHandler):
    """What can't be done rejects the test's promise."""

    expected_exc = (VendorCommandError,)


class KioskExecutor(ProcessTestExecutor):
    """Runs one page in a process of its own until there is a result."""

    supports_testdriver = True

    def __init__(self, logger, browser, server_config, timeout_multiplier=1, debug_info=None, **kwargs):
        super().__init__(logger, browser, server_config, timeout_multiplier=timeout_multiplier,
                         debug_info=debug_info)
        self.protocol = KioskProtocol(self, browser)
        self.preferences = {}
        self.config_path = self.write_file(CONFIG)
        self.short_periodic_config_path = self.write_file(CONFIG + SHORT_PERIODIC_INTERVALS)
        self.hosts_path = self.write_file(make_hosts_file(server_config, "127.0.0.1"))
        # Servo takes the names of the test servers from there.
        self.process_environment = {**os.environ, "HOST_FILE": self.hosts_path, "RUST_BACKTRACE": "1"}

    @staticmethod
    def write_file(text):
        descriptor, path = tempfile.mkstemp(prefix="kiosk-wpt-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def teardown(self):
        os.unlink(self.config_path)
        os.unlink(self.short_periodic_config_path)
        os.unlink(self.hosts_path)
        super().teardown()

    def on_environment_change(self, new_environment):
        self.preferences = new_environment.get("prefs", {})

    def command_for(self, test):
        short_intervals = settings.wants_short_intervals(self.preferences)
        command = [
            self.binary,
            "--control", "stdio",
            "--headless",
            "--hard-fail",
            "--temporary",
            "-u", "Servo/wptrunner",
            "--ignore-certificate-errors",
            "--config", self.short_periodic_config_path if short_intervals else self.config_path,
        ]
        for name, value in self.preferences.items():
            if name != settings.PERIODIC_PREFERENCE:
                command += ["--pref", f"{name}={value}"]
        return [*command, *self.browser.binary_args, self.test_url(test)]

    def do_test(self, test):
        command = self.command_for(test)

        def on_output(line):
            self.logger.process_output(kiosk.pid, line, " ".join(command))

        kiosk = Kiosk(command, self.process_environment, on_output)
        url = urlsplit(self.test_url(test))
        self.protocol.kiosk = kiosk
        self.protocol.origin = f"{url.scheme}://{url.netloc}"
        deadline = time.monotonic() + test.timeout * self.timeout_multiplier + self.extra_timeout
        try:
            return self.follow(test, kiosk, deadline, on_output)
        except KioskEnded:
            return test.make_result("CRASH", "the kiosk ended"), []
        finally:
            self.protocol.kiosk = None
            kiosk.end()

    def follow(self, test, kiosk, deadline, on_output):
        """Reads events until one of them is the result."""
        handler = KioskCallbackHandler(self.logger, self.protocol, None)
        while True:
            event = kiosk.next_event(deadline)
            if event is None:
                return test.make_result("EXTERNAL-TIMEOUT", None), []
            kind = event.get("event")
            if kind == "crashed":
                return test.make_result("CRASH", event.get("reason")), []
            if kind == "load" and event.get("status") == "complete":
                self.note_loaded(kiosk)
            elif kind == "console" and event["text"].startswith(MARK):
                message = json.loads(event["text"][len(MARK):])
                # Windows that a test opens have queues of their own.
                if message[1] == "complete" and strip_server(message[0]) != test.url:
                    continue
                done, result = handler(message)
                if done:
                    return self.convert_result(test, self.as_data(result))
            elif kind == "console":
                on_output(event["text"])

    def note_loaded(self, kiosk):
        """The page has been loaded."""

    def as_data(self, result):
        """What the converter takes."""
        return result


class KioskTestharnessExecutor(KioskExecutor):
    """For tests that report by testharness.js."""

    convert_result = testharness_result_converter


class KioskCrashtestExecutor(KioskExecutor):
    """For tests that pass if nothing has crashed when they say that they are done."""

    convert_result = crashtest_result_converter
    WAIT = (
        "eval (() => { const root = document.documentElement; const tell = () => { "
        "if (!root.classList.contains('test-wait')) console.log('" + MARK + "' + "
        "JSON.stringify([location.href, 'complete', []])); }; "
        "new MutationObserver(tell).observe(root, {attributes: true}); tell(); })()"
    )

    def note_loaded(self, kiosk):
        kiosk.send(self.WAIT)

    def as_data(self, result):
        return {"status": "PASS", "message": None}
