"""A connection to Chromium's DevTools protocol that sees every target: pages, frames, workers, service workers."""

import json
import threading
from urllib.request import urlopen

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from .vendor import VendorCommandError

ANSWER_TIMEOUT_S = 10


class _Call:
    def __init__(self, what):
        self.what = what
        self.done = threading.Event()
        self.answer = None

    def wait(self):
        if not self.done.wait(ANSWER_TIMEOUT_S):
            raise VendorCommandError(f"Chromium did not answer {self.what} within {ANSWER_TIMEOUT_S} s")
        return self.answer


class DevTools:
    """One connection. `on_event(method, params, session)` runs on the reading thread, so it may `send`, not `call`."""

    def __init__(self, address, on_event=None):
        with urlopen(f"http://{address}/json/version", timeout=ANSWER_TIMEOUT_S) as response:
            url = json.load(response)["webSocketDebuggerUrl"]
        self._socket = connect(url, max_size=None, open_timeout=ANSWER_TIMEOUT_S)
        self._on_event = on_event or (lambda method, params, session: None)
        self._lock = threading.Lock()
        self._next_id = 1
        self._calls = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, method, params=None, session=None):
        """Sends a command; its answer can be waited for."""
        call = _Call(method)
        with self._lock:
            number = self._next_id
            self._next_id += 1
            self._calls[number] = call
            message = {"id": number, "method": method, "params": params or {}}
            if session is not None:
                message["sessionId"] = session
            self._socket.send(json.dumps(message))
        return call

    def call(self, method, params=None, session=None):
        """Sends a command, and returns its result."""
        answer = self.send(method, params, session).wait()
        if "error" in answer:
            raise VendorCommandError(f"Chromium refused {method}: {answer['error'].get('message')}")
        return answer.get("result", {})

    def close(self):
        self._socket.close()
        self._reader.join(ANSWER_TIMEOUT_S)

    def _read(self):
        try:
            for text in self._socket:
                message = json.loads(text)
                if "id" in message:
                    with self._lock:
                        call = self._calls.pop(message["id"], None)
                    if call is not None:
                        call.answer = message
                        call.done.set()
                else:
                    self._on_event(message["method"], message.get("params", {}), message.get("sessionId"))
        except ConnectionClosed:
            pass
        with self._lock:
            for call in self._calls.values():
                call.answer = {"error": {"message": "the connection is closed"}}
                call.done.set()
            self._calls.clear()


# Network.emulateNetworkConditions: no limits.
_UNLIMITED = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
# How to see children too, in the same connection, before their first script runs.
_AUTO_ATTACH = {"autoAttach": True, "waitForDebuggerOnStart": True, "flatten": True}


class NetworkCut:
    """Holds the whole browser offline for as long as it lives.

    The sync manager of Chromium follows the emulation of a service worker's own target, so each target is attached
    to. It goes away again with the cut: a service worker that is attached to has no time limits.
    """

    def __init__(self, address):
        self._sessions = set()
        self._waiting = []
        self._changed = threading.Lock()
        self._devtools = DevTools(address, self._on_event)
        self._devtools.call("Target.setAutoAttach", _AUTO_ATTACH)
        self._settle()

    def end(self):
        """Restores the network, and returns once every target has heard of it."""
        with self._changed:
            sessions = list(self._sessions)
        try:
            for call in [self._emulate(session, False) for session in sessions]:
                call.wait()
        finally:
            # Whatever does not answer is online again without the connection.
            self._devtools.close()

    def _on_event(self, method, params, _session):
        if method == "Target.attachedToTarget":
            session = params["sessionId"]
            calls = [
                # Without it, only the renderer would know: `navigator.onLine` false, and loads that succeed.
                self._devtools.send("Network.enable", None, session),
                self._emulate(session, True),
                self._devtools.send("Target.setAutoAttach", _AUTO_ATTACH, session),
                self._devtools.send("Runtime.runIfWaitingForDebugger", None, session),
            ]
            with self._changed:
                self._sessions.add(session)
                self._waiting.extend(calls)
        elif method == "Target.detachedFromTarget":
            with self._changed:
                self._sessions.discard(params["sessionId"])

    def _emulate(self, session, offline):
        return self._devtools.send(
            "Network.emulateNetworkConditions", {"offline": offline, **_UNLIMITED}, session)

    def _settle(self):
        """Attaching to one target may reveal others, whose calls come behind."""
        while True:
            with self._changed:
                if not self._waiting:
                    return
                calls, self._waiting = self._waiting, []
            # A kind of target that has no network refuses, and needs nothing.
            for call in calls:
                call.wait()


def fire_periodic_sync(address, scope, tag):
    """Asks Chromium to dispatch `periodicsync` to the worker of a scope."""
    found = threading.Event()
    registration = {}

    def on_event(method, params, _session):
        if method == "ServiceWorker.workerRegistrationUpdated":
            for known in params["registrations"]:
                if known["scopeURL"] == scope and not known["isDeleted"]:
                    registration["id"] = known["registrationId"]
                    found.set()

    devtools = DevTools(address, on_event)
    try:
        targets = devtools.call("Target.getTargets")["targetInfos"]
        page = next((target["targetId"] for target in targets if target["type"] == "page"), None)
        if page is None:
            raise VendorCommandError("Chromium has no page")
        session = devtools.call("Target.attachToTarget", {"targetId": page, "flatten": True})["sessionId"]
        devtools.call("ServiceWorker.enable", session=session)
        if not found.wait(ANSWER_TIMEOUT_S):
            raise VendorCommandError(f"Chromium knows no service worker registration of {scope}")
        origin = "/".join(scope.split("/")[:3])
        devtools.call(
            "ServiceWorker.dispatchPeriodicSyncEvent",
            {"origin": origin, "registrationId": registration["id"], "tag": tag},
            session,
        )
    finally:
        devtools.close()
