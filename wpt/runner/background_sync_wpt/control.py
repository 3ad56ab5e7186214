"""A running kiosk, driven over its control channel: commands as lines, events as lines of JSON."""

import json
import queue
import subprocess
import threading
import time
from collections import deque

from .vendor import VendorCommandError

ANSWER_TIMEOUT_S = 10
END_TIMEOUT_S = 10


class KioskEnded(Exception):
    """The process is gone, so nothing more will come."""


class Kiosk:
    """One process. `on_output(line)` gets what is not an event, from other threads."""

    def __init__(self, command, environment, on_output):
        self._on_output = on_output
        self._process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        self._events = queue.SimpleQueue()
        self._backlog = deque()
        self._lines = 0
        self._threads = [
            threading.Thread(target=self._read_events, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self):
        return self._process.pid

    def next_event(self, deadline):
        """The next event, or None if there is none by then. Raises KioskEnded."""
        if self._backlog:
            return self._backlog.popleft()
        return self._receive(deadline)

    def send(self, line):
        """Sends a command; its number."""
        self._lines += 1
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise KioskEnded() from error
        return self._lines

    def ask(self, line):
        """Sends a command, and returns once it has been followed. What happens meanwhile is kept for later."""
        number = self.send(line)
        # Commands are followed in their order, and this one always answers.
        barrier = self.send("syncs")
        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while True:
            event = self._receive(deadline)
            if event is None:
                raise VendorCommandError(f"the kiosk did not follow `{line}` within {ANSWER_TIMEOUT_S} s")
            if event.get("command") == number and "error" in event:
                raise VendorCommandError(event["error"])
            if event.get("command") == barrier:
                return
            self._backlog.append(event)

    def end(self):
        """Ends the process; by force if it does not."""
        try:
            self.send("quit")
            self._process.wait(END_TIMEOUT_S)
        except (KioskEnded, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        for thread in self._threads:
            thread.join(END_TIMEOUT_S)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            try:
                stream.close()
            except OSError:
                pass

    def _receive(self, deadline):
        try:
            event = self._events.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            return None
        if event is None:
            # For whoever asks again.
            self._events.put(None)
            raise KioskEnded()
        return event

    def _read_events(self):
        for line in self._process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                self._on_output(line.rstrip("\n"))
                continue
            if isinstance(event, dict):
                self._events.put(event)
        self._events.put(None)

    def _read_errors(self):
        for line in self._process.stderr:
            self._on_output(line.rstrip("\n"))
