"""icv bench."""

from __future__ import annotations

import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.add_argument("name", choices=["loop", "can", "vision", "v2x"], help="what to measure")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each live measurement (default: 10)")
    parser.add_argument(
        "--data",
        metavar="DIR",
        help="can: the folder of real logs (toyota_rav4, j1939_truck, ...); vision: of real clips",
    )
    parser.add_argument(
        "--models", metavar="DIR", help="vision: of downloaded models (default: models/public)"
    )
    parser.add_argument("--only", metavar="PART", nargs="+", help="can, vision and v2x: only these parts")
    parser.add_argument("--json", action="store_true", help="print {figure: {value, unit, goal, met}}")


def run(args: argparse.Namespace) -> int:
    """Measure; 1 if a goal is not met."""
    import json
    import sys

    from edge.runtime.bench import Budget, Figure, judge, machine, read_budgets

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    budgets: dict[str, Budget] = read_budgets()[args.name]
    measured: dict[str, Figure]
    if args.name == "loop":
        from edge.runtime.bench_loop import measure

        measured = measure(args.seconds, say)
    elif args.name == "vision":
        from edge.runtime.bench_vision import measure_vision

        measured = measure_vision(args.data, args.models, args.only, args.seconds, say)
    elif args.name == "v2x":
        from edge.runtime.bench_v2x import measure_v2x

        measured = measure_v2x(args.only, args.seconds, say)
    else:
        from edge.runtime.bench_can import measure_can

        measured = measure_can(args.data, args.only, say)
    if args.only or args.name == "vision":  # without the public models there is less to measure
        budgets = {name: budget for name, budget in budgets.items() if name in measured}
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
