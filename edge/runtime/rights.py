"""Rights that the system may grant to a process: asked for, and reported as granted or refused."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess

from edge.config import Runtime

PR_SET_PDEATHSIG = 1
SIGKILL = 9
SWITCH_S = 0.0001
MCL_CURRENT_AND_FUTURE = 3
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)


def exit_with_parent() -> None:
    """Have Linux end this process when its parent ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def keep_memory() -> None:
    """Have glibc keep the memory of pictures for the next ones instead of giving it back to the kernel.

    Each would come back empty, page by page: filling a new picture of 1280 x 720 then takes 3 times as long.
    """
    allocate = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if allocate is not None:  # other C libraries have none
        allocate(M_MMAP_THRESHOLD, 32 << 20)
        allocate(M_TRIM_THRESHOLD, 256 << 20)


def start_without_interrupt(process: BaseProcess) -> None:
    """Start a spawned process that Ctrl-C never reaches, even while it starts: that is the loop's."""
    resource_tracker.ensure_running()  # of Python's own; started below it would undo the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()  # the mask is inherited
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def processors() -> frozenset[int]:
    """Those that this process may run on; empty where the system does not say."""
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else frozenset()


def run_on(allowed: frozenset[int]) -> None:
    """Let this process run on these again, where its parent has given itself another choice."""
    if allowed and allowed != processors():
        os.sched_setaffinity(0, allowed)


@contextlib.contextmanager
def asked(wanted: Runtime) -> Iterator[list[str]]:
    """`ask` for a while: priority and processors are what they were afterwards."""
    allowed = processors()
    policy, parameters = (
        (os.sched_getscheduler(0), os.sched_getparam(0)) if hasattr(os, "sched_getscheduler") else (0, None)
    )
    try:
        yield ask(wanted)
    finally:
        run_on(allowed)
        if parameters is not None:
            os.sched_setscheduler(0, policy, parameters)


def ask(wanted: Runtime) -> list[str]:
    """Freeze what start-up made; ask for priority, processor and memory. Returns a line for each answer."""
    gc.collect()
    gc.freeze()
    # The recording's thread must give way to the loop sooner than after Python's usual 5 ms.
    sys.setswitchinterval(SWITCH_S)
    answers = []
    if wanted.realtime_priority:
        try:
            # The networks of a camera worker that is started anew must not inherit it.
            policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
            os.sched_setscheduler(0, policy, os.sched_param(wanted.realtime_priority))
            answers.append(f"real-time priority {wanted.realtime_priority}: granted")
        except (OSError, AttributeError) as error:
            answers.append(f"real-time priority {wanted.realtime_priority}: refused ({error})")
    if wanted.cpu is not None:
        try:
            os.sched_setaffinity(0, {wanted.cpu})
            answers.append(f"processor {wanted.cpu}: granted")
        except (OSError, AttributeError) as error:
            answers.append(f"processor {wanted.cpu}: refused ({error})")
    if wanted.lock_memory:
        locked = sys.platform == "linux" and ctypes.CDLL(None).mlockall(MCL_CURRENT_AND_FUTURE) == 0
        answers.append(f"locked memory: {'granted' if locked else 'refused'}")
    return answers
