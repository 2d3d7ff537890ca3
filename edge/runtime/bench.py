"""What all benchmarks share: figures, their goals, and the machine they were measured on."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from edge import config as cfg


class Budget(cfg.Section, frozen=True, kw_only=True):
    """One number that must hold, of hil_tests/budgets.toml."""

    title: str
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def goal(self) -> str:
        """In words."""
        return f"at most {self.at_most:g}" if self.at_most is not None else f"at least {self.at_least:g}"

    def met(self, value: float) -> bool:
        """Whether a value keeps it."""
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )


class Figure(msgspec.Struct, frozen=True):
    """One measured number; it has a goal if the budgets name it, else it stands beside one for comparison."""

    title: str
    value: float
    unit: str


def read_budgets() -> dict[str, dict[str, Budget]]:
    """By benchmark and name. Raises ConfigError."""
    return cfg.read(cfg.shipped("hil_tests/budgets.toml"), dict[str, dict[str, Budget]])


def chosen(
    parts: Mapping[str, Callable[[], dict[str, Figure]]], only: Sequence[str] | None
) -> list[Callable[[], dict[str, Figure]]]:
    """The parts of a benchmark of these names, in their own order; no names: all. Raises UserError."""
    if unknown := sorted(set(only or ()) - set(parts)):
        raise cfg.UserError(f"no part {', '.join(unknown)}: there are {', '.join(parts)}")
    return [measure for name, measure in parts.items() if not only or name in only]


def judge(budget: Budget | None, figure: Figure) -> dict[str, object]:
    """A figure beside its goal, as --json prints it; met is None where there is no goal."""
    goal = budget.goal if budget else ""
    return {
        "value": figure.value,
        "unit": figure.unit,
        "goal": goal,
        "met": budget.met(figure.value) if budget else None,
    }


def machine() -> str:
    """One line that says what was measured on."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = info.read_text(errors="replace").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), name)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{name}, {os.cpu_count()} processors, {system}"
