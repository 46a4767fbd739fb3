"""The supervisor: keeps the kiosk's processes running, and stops them together.

Each child is a process in its own process group. A child that exits is restarted with backoff. A child whose heartbeat
goes stale is killed first: a heartbeat means progress, so this catches hangs as well as crashes. The kernel kills the
children if the supervisor dies (see child.py).
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from kiosk.logs import Writes, printable
from kiosk.ops import memory
from kiosk.ops.child_process import LONGEST_PAUSE, Child, ChildSpec, signal_group, signal_name, spawn
from kiosk.ops.notify import notify
from kiosk.ops.watchdog import Watchdog

log = logging.getLogger(__name__)

HEALTHY_SECONDS = 60.0
"""The backoff of a child resets if it ran longer than this."""
STOP_SECONDS = 4.0
"""Time that children have to stop before they are killed."""
TICK = 0.25
LONGEST_LINE = 8192


class Supervisor:
    """Runs `specs` until stopped.

    age(name): seconds since a child's last heartbeat, None without one. environment: added to each child's. on_ready:
    called once, when every essential child has made progress. on_overuse(name, process ID): called before a child is
    killed for its memory use, or after the kernel killed it for that. renew: asked several times a second whether the
    children have to start anew; it returns their new specs, of the same names, and environment, or None. out: where the
    children's output goes, prefixed with the child's name.
    """

    def __init__(
        self,
        specs: Sequence[ChildSpec],
        age: Callable[[str], float | None],
        *,
        environment: Mapping[str, str] | None = None,
        on_ready: Callable[[], None] | None = None,
        on_overuse: Callable[[str, int], None] | None = None,
        renew: Callable[[], tuple[Sequence[ChildSpec], Mapping[str, str]] | None] | None = None,
        out: Writes | None = None,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._children = {spec.name: Child(spec) for spec in specs}
        self._age = age
        self._environment = dict(environment or {})
        self._on_ready = on_ready
        self._on_overuse = on_overuse
        self._renew = renew or (lambda: None)
        self._out = out or sys.stderr
        self._stop_seconds = stop_seconds
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._ready = False
        self._width = max((len(name) for name in self._children), default=0)
        self._watchdog = Watchdog(
            self.idle,
            # Twice the limit, to give the supervisor's own restart time to work.
            {s.name: 2 * s.stale_after + LONGEST_PAUSE for s in specs if s.essential and s.stale_after},
        )
        self.restarts = 0

    def run(self) -> int:
        """Run the children until SIGTERM, SIGINT or `stop`. Returns 0 if all stopped in time, 1 if some had to be
        killed. Call it from the main thread: signal handlers need it, and the kernel ties the children's lives to the
        thread that starts them."""
        receiver, sender = socket.socketpair()
        sender.setblocking(False)
        before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
        wakeup = signal.set_wakeup_fd(sender.fileno())
        self._selector.register(receiver, selectors.EVENT_READ, None)
        for number in before:
            signal.signal(number, lambda *_: self.stop())
        try:
            for child in self._children.values():
                self._start(child)
            while not self._stopping:
                self._listen(TICK)
                self._look_after()
            return self._end()
        finally:
            self._kill_everything()
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.close()
            receiver.close()
            sender.close()

    def stop(self) -> None:
        """Make `run` stop everything and return. Safe in a signal handler."""
        self._stopping = True

    def idle(self, name: str) -> float:
        """Seconds since the child's last progress; its start counts as progress."""
        child = self._children[name]
        since_start = time.monotonic() - child.started if child.started else float("inf")
        age = self._age(name)
        # A heartbeat from before the start belongs to an earlier process.
        return since_start if age is None else min(age, since_start)

    def _start(self, child: Child) -> None:
        child.restart_at = 0.0
        child.killed_for = None
        try:
            child.process = spawn(child.spec, self._environment)
        except OSError as error:
            child.started = time.monotonic()
            self._say(child, f"cannot be started: {error}")
            self._schedule(child)
            return
        child.started = time.monotonic()
        child.kernel_kills = memory.kernel_kills()
        assert child.process.stdout is not None
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def _start_anew(self, specs: Sequence[ChildSpec], environment: Mapping[str, str]) -> None:
        """Stop all children and start them again, as soon as each has stopped."""
        self._environment = dict(environment)
        for spec in specs:
            child = self._children[spec.name]
            child.spec = spec
            child.backoff.reset()
            child.restart_at = 0.0
            if child.process is not None and child.stop_by is None:
                child.stop_by = time.monotonic() + self._stop_seconds
                child.process.terminate()

    def _look_after(self) -> None:
        if fresh := self._renew():
            self._start_anew(*fresh)
        now = time.monotonic()
        for child in self._children.values():
            if child.process is None:
                if now >= child.restart_at:
                    self._start(child)
                continue
            code = child.process.poll()
            if code is not None:
                self._ended(child, code)
                continue
            if child.stop_by is not None and now >= child.stop_by:
                child.killed_for = "did not stop in time"
                child.stop_by = float("inf")
                signal_group(child.process, signal.SIGKILL)
            limit = child.spec.stale_after
            if limit is not None and child.killed_for is None and self.idle(child.spec.name) > limit:
                child.killed_for = f"made no progress for {limit:.0f} s"
                self._say(child, f"{child.killed_for}; killing it")
                signal_group(child.process, signal.SIGKILL)
            self._watch_memory(child, child.process)
        if not self._ready and self._all_progressed():
            self._ready = True
            notify("READY=1", "STATUS=Dreaming.")
            if self._on_ready:
                self._tell_ready(self._on_ready)
        self._watchdog.feed()

    def _watch_memory(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        limit = child.spec.memory_mb
        if limit is None or child.killed_for is not None or (used := memory.used_mb(process.pid)) <= limit:
            return
        child.killed_for = f"used {used:.0f} MB of memory, over its limit of {limit:.0f} MB"
        self._say(child, f"{child.killed_for}; killing it")
        self._tell_overuse(child, process.pid)
        signal_group(process, signal.SIGKILL)

    def _tell_overuse(self, child: Child, process: int) -> None:
        if self._on_overuse is None:
            return
        try:
            self._on_overuse(child.spec.name, process)
        except Exception:  # must not stop the supervisor
            log.exception("cannot record that %s used too much memory", child.spec.name)

    def _tell_ready(self, on_ready: Callable[[], None]) -> None:
        try:
            on_ready()
        except Exception:  # a failed announcement must not stop a working kiosk
            log.exception("the kiosk is ready, but announcing it failed")

    def _all_progressed(self) -> bool:
        for name, child in self._children.items():
            if not child.spec.essential:
                continue
            age = self._age(name)
            if child.process is None or age is None or age > time.monotonic() - child.started:
                return False
        return True

    def _ended(self, child: Child, code: int) -> None:
        assert child.process is not None
        signal_group(child.process, signal.SIGKILL)  # its own children
        self._drain(child)
        how = f"was killed by {signal_name(-code)}" if code < 0 else f"exited with status {code}"
        killed = code == -signal.SIGKILL and child.spec.memory_mb is not None and child.killed_for is None
        if killed and memory.kernel_kills() > child.kernel_kills:
            how = "was killed by the kernel, which was out of memory"
            self._tell_overuse(child, child.process.pid)
        if time.monotonic() - child.started > HEALTHY_SECONDS:
            child.backoff.reset()
        child.process = None
        if child.stop_by is not None:
            child.stop_by = None
            self._say(child, "starts anew")
            return
        self._schedule(child)
        pause = child.restart_at - time.monotonic()
        self._say(child, f"{child.killed_for or how}; restarting it in {max(pause, 0):.1f} s")

    def _schedule(self, child: Child) -> None:
        child.restart_at = time.monotonic() + child.backoff.next()
        self.restarts += 1

    def _listen(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                key.fileobj.recv(4096)  # type: ignore[union-attr] (the wake-up socket)
            else:
                self._read(key.data, key.fileobj)  # type: ignore[arg-type]

    def _read(self, child: Child, pipe: IO[bytes]) -> bool:
        """Forward the child's output; False at the end of the output, or if there is none now."""
        try:
            data = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return False
        if not data:
            self._selector.unregister(pipe)
            pipe.close()
        *lines, rest = (child.partial + data).split(b"\n")
        if rest and (not data or len(rest) > LONGEST_LINE):
            lines, rest = [*lines, rest], b""
        child.partial = rest
        for line in lines:
            self._say(child, line.decode(errors="replace").rstrip())
        return bool(data)

    def _drain(self, child: Child) -> None:
        assert child.process is not None
        pipe = child.process.stdout
        while pipe is not None and not pipe.closed and self._read(child, pipe):
            pass
        if pipe is not None and not pipe.closed:
            # A process that the child started still holds the other end.
            self._selector.unregister(pipe)
            pipe.close()

    def _end(self) -> int:
        notify("STOPPING=1", "STATUS=Stopping.")
        running = [child for child in self._children.values() if child.process and child.process.poll() is None]
        for child in running:
            assert child.process is not None
            child.process.terminate()
        deadline = time.monotonic() + self._stop_seconds
        while running and time.monotonic() < deadline:
            self._listen(0.05)
            running = [child for child in running if child.process and child.process.poll() is None]
        for child in running:
            self._say(child, f"did not stop within {self._stop_seconds:.0f} s; killing it")
        return 1 if running else 0

    def _kill_everything(self) -> None:
        for child in self._children.values():
            if child.process is not None:
                signal_group(child.process, signal.SIGKILL)
                child.process.wait()
                self._drain(child)

    def _say(self, child: Child, text: str) -> None:
        if not text:
            return
        try:
            # Libraries in the children write here too; keep control codes out of the terminal.
            self._out.write(f"{child.spec.name:>{self._width}} | {printable(text)}\n")
            self._out.flush()
        except (OSError, ValueError):
            return  # a closed terminal must not stop the kiosk
