"""What both trainings share: batches made beside the learning, the average of the weights, checkpoints."""

from __future__ import annotations

import copy
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

T = TypeVar("T")
CHECKPOINT_S = 60.0


def ahead(make: Callable[[int], T], first: int, last: int) -> Iterator[T]:
    """make(first), ..., make(last - 1), each made in a second thread while the one before is used."""
    ready: queue.Queue[T | BaseException] = queue.Queue(maxsize=4)

    def work() -> None:
        try:
            for step in range(first, last):
                ready.put(make(step))
        except BaseException as error:
            ready.put(error)
            raise

    threading.Thread(target=work, daemon=True).start()
    for _ in range(first, last):
        item = ready.get()
        if isinstance(item, BaseException):
            raise item
        yield item


def learn(
    net: nn.Module,
    make: Callable[[int], T],
    loss_of: Callable[[nn.Module, T], dict[str, Tensor]],
    *,
    last: int,
    rate: float,
    checkpoint: Path,
    compiled: bool = False,
) -> nn.Module:
    """`last` steps with AdamW; the rate warms up, holds, and falls to nothing over the last 40 %.

    make(step) gives the same batch for the same step. Continues from `checkpoint` if it is there.
    compiled: by torch.compile, a minute's work of a C++ compiler; on one thread 1.6 times as fast after it.
    Returns the exponential average of the weights, which is what should be used.
    """
    optimiser = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=1e-3)
    average = copy.deepcopy(net).eval()
    step = 0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        step = state["step"]
        net.load_state_dict(state["net"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        print(f"continues at step {step} from {checkpoint}", flush=True)
    sums: dict[str, float] = {}
    saved = said = time.monotonic()
    net.train()
    used = torch.compile(net) if compiled else net
    for batch in ahead(make, step, last):
        done = step / last
        now_rate = rate * min(1.0, (step + 1) / 100) * min(1.0, max(0.01, (1 - done) / 0.4))
        for group in optimiser.param_groups:
            group["lr"] = now_rate
        losses = loss_of(used, batch)
        optimiser.zero_grad(set_to_none=True)
        torch.stack(tuple(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 10.0)
        optimiser.step()
        step += 1
        keep = min(0.997, 1 - 1 / (1 + 0.3 * step))
        with torch.no_grad():
            for ours, theirs in zip(average.state_dict().values(), net.state_dict().values(), strict=True):
                if ours.is_floating_point():
                    ours.lerp_(theirs, 1 - keep)
                else:
                    ours.copy_(theirs)
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value.item()
        if step % 50 == 0:
            now = time.monotonic()
            text = ", ".join(f"{name} {value / 50:.4f}" for name, value in sums.items())
            print(f"step {step}/{last}: {text}; {(now - said) / 50:.2f} s/step", flush=True)
            sums, said = {}, now
        if time.monotonic() - saved > CHECKPOINT_S or step == last:
            saved = time.monotonic()
            checkpoint.parent.mkdir(parents=True, exist_ok=True)
            state = {
                "step": step, "net": net.state_dict(), "average": average.state_dict(),
                "optimiser": optimiser.state_dict(),
            }  # fmt: skip
            partial = checkpoint.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(checkpoint)
    return average
