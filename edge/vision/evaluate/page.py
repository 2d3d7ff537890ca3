"""The figures as tables: on the terminal, and as docs/models.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from edge.vision.evaluate.results import Measured, Results
from edge.vision.evaluate.tables import CLOSING, INVENTORY, SPEED, TABLES, Column, Table
from edge.vision.zoo import Entry

SPEED_HEADER = ("model", "whole", "95 % below", "before", "network", "after", "bare", "whole / bare")


def text(results: Results) -> str:
    """All tables for a terminal."""
    parts = []
    for table in TABLES:
        if rows := _rows(table, results):
            header, rows = _filled(_header(table), rows)
            # On a terminal models stand side by side, since there are more figures than models.
            turned = [list(column) for column in zip(header, *rows, strict=True)]
            parts.append(f"{table.title}\n{_aligned(turned)}")
    parts.append(f"Speed, ms\n{_aligned([list(SPEED_HEADER), *_speed_rows(results)])}")
    return "\n\n".join(parts)


def markdown(results: Results, entries: Mapping[str, Entry]) -> str:
    """The page; its pictures lie in pictures/ beside it."""
    parts = [_opening(results), f"## Which\n\n{INVENTORY}\n\n{_inventory(results, entries)}"]
    for table in TABLES:
        if rows := _rows(table, results):
            parts.append(f"## {table.title}\n\n{table.text}\n\n{_table(*_filled(_header(table), rows))}")
            if table.picture is not None:
                file, caption = table.picture
                parts.append(f"![{table.title}](pictures/{file})\n\n{caption}")
    parts.append(f"## Speed\n\n{SPEED}\n\n{_table(list(SPEED_HEADER), _speed_rows(results))}")
    parts.append(CLOSING)
    return "\n\n".join(parts) + "\n"


def _opening(results: Results) -> str:
    quick = " Measured with `--quick`, on a part of the pictures." if results.quick else ""
    return f"""# Models

What the networks of `models/zoo.toml` find, how well, and how fast. One command measures all of it,
writes this page with its pictures, and `models/figures.json`, from which `icv models card NAME` tells:

```
icv models bench --data DATA --models MODELS --write docs
```

DATA holds the labelled pictures named below, MODELS what `icv models fetch --all --to MODELS` brings;
neither comes with the program. Without `--data` it measures speed, and accuracy on rendered pictures.
`icv models check` says within seconds whether every network says on this machine what it should.

{results.day}, {results.machine}; {results.backend}, {_threads(results.threads)}.{quick} Other programs
ran on these processors too: of times, only ratios within one table mean anything. An empty field: the
network does not look for that, or there were too few to count. Each network is measured on what it did
not learn from, as far as its makers say what that was; where that is not so, it is told."""


def _threads(count: int) -> str:
    return {0: "as many threads as there are processors", 1: "one thread"}.get(count, f"{count} threads")


def _inventory(results: Results, entries: Mapping[str, Entry]) -> str:
    rows = []
    for name in results.models:
        entry = entries[name]
        licence = entry.licence_weights
        if entry.licence_code != licence:
            licence = f"code {entry.licence_code}, weights {licence}"
        title = f"[{name}](../models/{Path(entry.file).stem}.md)" if entry.own else name
        rows.append([title, ", ".join(entry.finds), f"{entry.bytes / 1e6:.2f}", licence, entry.training_data])
    return _table(["model", "finds", "MB", "licence", "learnt from"], rows, left=(0, 1, 3, 4))


def _header(table: Table) -> list[str]:
    return ["model", *(column.title for column in table.columns), "whole, ms"]


def _rows(table: Table, results: Results) -> list[list[str]]:
    """Of the models of which the table tells anything."""
    rows = []
    for name, measured in results.models.items():
        cells = [_cell(measured, column) for column in table.columns]
        if any(cells):
            rows.append([name, *cells, _milliseconds(measured.speed.whole_ms) if measured.speed else ""])
    return rows


def _cell(measured: Measured, column: Column) -> str:
    for figure in measured.figures:
        if (figure.what, figure.on) == (column.what, column.on) and figure.value is not None:
            return f"{figure.value:.{ {'': 3, 'deg': 1}.get(figure.unit, 0) }f}"
    return ""


def _filled(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """Without columns that are empty in every row."""
    used = [i for i in range(len(header)) if any(row[i] for row in rows)]
    return [header[i] for i in used], [[row[i] for i in used] for row in rows]


def _speed_rows(results: Results) -> list[list[str]]:
    rows = []
    for name, measured in results.models.items():
        if (speed := measured.speed) is not None:
            times = (
                speed.whole_ms,
                speed.whole_p95_ms,
                speed.before_ms,
                speed.run_ms,
                speed.after_ms,
                speed.bare_ms,
            )
            ratio = speed.whole_ms / speed.bare_ms if speed.bare_ms else float("nan")
            rows.append([name, *map(_milliseconds, times), f"{ratio:.2f}"])
    return rows


def _milliseconds(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        )
        for row in rows
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    rule = ["---" if i in left else "---:" for i in range(len(header))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))
