"""Signed packets are verified beside the loop, the most threatening first."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter, deque

import msgspec

from edge.config import V2xSecurity
from edge.v2x.moments import Now
from edge.v2x.network import Packet
from edge.v2x.security import Place, Signed, Verifier, Waiting, read_signed
from edge.v2x.security.signed import AID_OF_PORT
from edge.v2x.sets import Heard
from edge.v2x.uper import CodecError

_MAX_DONE = 4096
_SWITCH_S = 0.0001
_SLICE_NS = 500_000
"""So much work is taken at a time: enough for newcomers to have their share, short for what is urgent."""


def application(inside: Packet) -> int | None:
    """The AID that the network layer of a packet names, None: of a bare one only the signature says it."""
    if inside.source is not None:
        return AID_OF_PORT.get(inside.service)
    return None if inside.family == "j2735" else inside.service


class Task(msgspec.Struct, frozen=True):
    """A signed packet: as it came, what it holds, what of it was checked, when it came, where its sender says
    that he is."""

    inside: Packet
    signed: Signed
    covered: bytes
    now: Now
    place: Place | None


class Done(msgspec.Struct, frozen=True):
    """What became of it: the signer's HashedId8 in hex digits, or why it is not believed."""

    task: Task
    signer: str
    refused: CodecError | None


class Verifying:
    """A queue in front of a Verifier; with threaded, a thread works it off and `fileno` becomes readable.

    ECDSA runs without the interpreter's lock and without ours, so the loop goes on beside it: what the
    Verifier remembers is in dicts that both change in single steps. Else `take` verifies by itself, as many
    as config.verify_us allows, and every replay does the same.
    """

    def __init__(self, verifier: Verifier, settings: V2xSecurity, *, threaded: bool) -> None:
        self._verifier = verifier
        self._budget_ns = settings.verify_us * 1000
        self._waiting: Waiting[Task] = Waiting(settings)
        self._lock = threading.Lock()  # of what waits and what is done
        self._done: deque[Done] = deque()
        self._newest_ns = 0
        self._in_hand = 0
        self._told = False  # the pipe is readable
        self._ends: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False
        if threaded:
            self._ends = os.pipe()
            for end in self._ends:
                os.set_blocking(end, False)
            self._work = threading.Condition(self._lock)
            # Else each turn of the thread waits 5 ms for the interpreter's lock while the loop is busy.
            sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))
            self._thread = threading.Thread(target=self._run, name="v2x verify", daemon=True)
            self._thread.start()

    def fileno(self) -> int | None:
        """Readable when something has been verified; None: `take` does it."""
        return None if self._ends is None else self._ends[0]

    def __len__(self) -> int:
        """How many have been put and not been taken."""
        with self._lock:
            return len(self._waiting) + self._in_hand + len(self._done)

    def read(self, packet: Packet) -> Signed:
        """What a packet that is secured holds, still to be verified. Raises CodecError."""
        return read_signed(packet.secured or b"")

    def put(
        self, inside: Packet, signed: Signed, now: Now, place: Place | None, threat: float, stream: int = 0
    ) -> None:
        """Check what costs little, then queue. Raises CodecError.

        place: where the sender says that he is; stream: of one sender and application only the newest of each
        waits.
        """
        covered = self._verifier.check(signed, now, place, application(inside))
        task = Task(inside, signed, covered, now, place)
        with self._lock:
            self._newest_ns = max(self._newest_ns, now.t_ns)
            self._waiting.put(
                task,
                sender=signed.signer,
                stream=stream << 32 | signed.aid,
                threat=threat,
                known=self._verifier.knows(signed.signer),
                now_ns=now.t_ns,
            )
            if self._thread is not None:
                self._work.notify()

    def take(self, now_ns: int) -> list[Done]:
        """What has been judged since the last time, in that order."""
        if self._thread is None:
            with self._lock:
                tasks = self._waiting.take(now_ns, self._budget_ns)
                self._in_hand = len(tasks)
            for task in tasks:
                self._judge(task)
        elif not self._thread.is_alive():
            raise RuntimeError("the thread that verifies has ended, for the reason printed above")
        elif not self._done:
            return []
        with self._lock:
            if self._told and self._ends is not None:
                os.read(self._ends[0], 1)
                self._told = False
            done = list(self._done)
            self._done.clear()
        return done

    def lost(self) -> Counter[str]:
        """What was not verified, by reason, since the last time."""
        if not self._waiting.lost:
            return Counter()
        with self._lock:
            lost = Counter(self._waiting.lost)
            self._waiting.lost.clear()
        return lost

    def check_content(self, signer: str, aid: int, heard: Heard) -> None:
        """Raises CodecError "permission" where the signer may not say what this CAM or DENM says."""
        self._verifier.check_content(signer, heard.message, aid, heard.value)

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._stopped = True
            if self._thread is not None:
                self._work.notify()
        if self._thread is not None:
            self._thread.join()  # at most one verification
            self._thread = None
        if self._ends is not None:
            for end in self._ends:
                os.close(end)
            self._ends = None

    def _judge(self, task: Task) -> None:
        signer, refused = "", None
        try:
            signer = self._verifier.confirm(task.signed, task.covered, task.place)
        except CodecError as error:
            refused = error
        with self._lock:
            self._waiting.judged(task.signed.signer, refused is None, task.now.t_ns)
            if len(self._done) >= _MAX_DONE:
                self._waiting.lost["not verified in time"] += 1
                self._done.popleft()
            self._done.append(Done(task, signer, refused))
            self._in_hand -= 1

    def _run(self) -> None:
        assert self._ends is not None
        while not self._stopped:
            with self._lock:
                while not self._waiting and not self._stopped:
                    self._work.wait()
                tasks = self._waiting.take(self._newest_ns, _SLICE_NS)
                self._in_hand = len(tasks)
            for task in tasks:
                if self._stopped:
                    return
                self._judge(task)
            with self._lock:
                if self._done and not self._told:
                    os.write(self._ends[1], b"v")
                    self._told = True
