"""icv bench."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("name", choices=["loop"], help="what to measure")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each live measurement (default: 10)")
    parser.add_argument("--json", action="store_true", help="print {figure: {value, unit, goal, met}}")


def run(args: argparse.Namespace) -> int:
    """Measure; 1 if a goal is not met."""
    import json
    import sys

    from edge.runtime.bench import Budget, judge, machine, read_budgets
    from edge.runtime.bench_loop import measure

    budgets: dict[str, Budget] = read_budgets()[args.name]
    measured = measure(args.seconds, say=lambda words: print(words, file=sys.stderr, flush=True))
    report = {name: judge(budgets.get(name), figure) for name, figure in measured.items()}
    missing = sorted(set(budgets) - set(measured))
    for name in missing:
        report[name] = {"value": None, "unit": budgets[name].unit, "goal": budgets[name].goal, "met": False}
    if args.json:
        print(json.dumps(report, indent=1))
    else:
        print(f"\n{machine()}\n")
        for name, row in report.items():
            title = measured[name].title if name in measured else budgets[name].title
            verdict = {True: "met", False: "MISSED", None: ""}[row["met"]]  # type: ignore[index]
            value = "not measured" if row["value"] is None else f"{row['value']:.3g} {row['unit']}"
            print(f"  {title:<82} {value:>14}   {row['goal']:<16} {verdict}")
    return 0 if all(row["met"] is not False for row in report.values()) else 1
