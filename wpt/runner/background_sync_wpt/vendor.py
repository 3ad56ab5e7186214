"""The testdriver action `background_sync`: what a test may ask of a browser beyond the web.

`page.js` sends it; each product has a protocol part that follows it.
"""

import atexit
import json
import os
import shutil
import tempfile
from abc import ABCMeta, abstractmethod

from webdriver.error import WebDriverException
from wptrunner.executors.actions import actions
from wptrunner.executors.protocol import ProtocolPart

from . import settings

HERE = os.path.dirname(os.path.abspath(__file__))


class VendorCommandError(WebDriverException):
    """The browser could not do it: the test's promise is rejected, the run goes on."""

    http_status = 500
    status_code = "background sync vendor command failed"

    def __init__(self, message):
        super().__init__(message=message)


class BackgroundSyncProtocolPart(ProtocolPart):
    """What every product must be able to do for a test."""

    __metaclass__ = ABCMeta
    name = "background_sync"
    commands = ("set_online", "set_permission", "fire_periodic_sync")

    @abstractmethod
    def set_online(self, online):
        """Cuts or restores the network of pages, workers and the sync manager."""

    @abstractmethod
    def set_permission(self, origin, name, state):
        """Sets a permission of an origin."""

    @abstractmethod
    def fire_periodic_sync(self, scope, tag):
        """Makes a periodic registration's event fire now."""

    @abstractmethod
    def reset(self):
        """Undoes what the last test has set."""


class BackgroundSyncAction:
    """Hands a test's command to the protocol part."""

    name = "background_sync"

    def __init__(self, logger, protocol):
        self.logger = logger
        self.protocol = protocol

    def __call__(self, payload):
        command = payload["command"]
        if command not in BackgroundSyncProtocolPart.commands:
            raise VendorCommandError(f"there is no command {command}")
        self.logger.debug(f"background_sync: {command} {payload['params']}")
        return getattr(self.protocol.background_sync, command)(**payload["params"])


if BackgroundSyncAction not in actions:
    actions.append(BackgroundSyncAction)


def page_scripts():
    """The scripts that are served with testharnessreport.js: the settings, and the page's half of the commands.

    The report script is a template for `%`, so its additions must not contain any.
    """
    folder = tempfile.mkdtemp(prefix="background-sync-wpt-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = os.path.join(folder, "settings.js")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"window.__backgroundSyncSettings = {json.dumps(settings.FOR_TESTS)};\n")
    return [path, os.path.join(HERE, "page.js")]
