"""Rights that the system may grant to a process: asked for, and reported as granted or refused."""

from __future__ import annotations

import ctypes
import gc
import os
import sys

from edge.config import Runtime

PR_SET_PDEATHSIG = 1
SIGKILL = 9
MCL_CURRENT_AND_FUTURE = 3


def exit_with_parent() -> None:
    """Have Linux end this process when its parent ends, however that ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)


def ask(wanted: Runtime) -> list[str]:
    """Freeze what start-up made; ask for priority, processor and memory. Returns a line for each answer."""
    gc.collect()
    gc.freeze()
    answers = []
    if wanted.realtime_priority:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(wanted.realtime_priority))
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
