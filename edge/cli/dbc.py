"""`icv dbc`: what a CAN database says, and what is wrong with it."""

from __future__ import annotations

import argparse
import json
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.can.dbc import Database, Message, Signal

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_MAX_CHOICES = 6


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    verbs = parser.add_subparsers(dest="dbc_verb", metavar="VERB", required=True)
    formats = "DBC; ARXML, KCD and SYM where cantools is installed"
    check = verbs.add_parser(
        "check",
        help="what is wrong with a file, by line",
        description="What is wrong with files, by line. An error loses something that the line means, such as"
        " a signal that cannot be; a warning does not, such as a range that the bits cannot hold.",
        epilog="Exit status 0: no error, 1: an error, 2: a file that is none of the formats.",
    )
    check.add_argument("files", metavar="FILE", nargs="+", help=formats)
    check.add_argument("--json", action="store_true", help="print JSON")
    show = verbs.add_parser("show", help="the messages and signals of a file")
    show.add_argument("file", metavar="FILE", help=formats)
    show.add_argument("messages", metavar="MESSAGE", nargs="*", help="only these: names, or ids as 0x1A0")
    show.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """As told in --help."""
    return _check(args.files, args.json) if args.dbc_verb == "check" else _show(args)


def _check(files: list[str], as_json: bool) -> int:
    from edge.can.dbc import DbcError, read_database

    status = 0
    reports: list[dict[str, Any]] = []
    for file in files:
        try:
            database = read_database(file)
        except DbcError as error:
            status = 2
            print(f"icv dbc: {error}", file=sys.stderr)
            reports.append({"file": file, "error": str(error)})
            continue
        losses = sum(defect.loses for defect in database.found)
        status = max(status, 1 if losses else 0)
        signals = sum(len(message.signals) for message in database.messages.values())
        if as_json:
            reports.append({
                "file": file,
                "encoding": database.encoding,
                "messages": len(database.messages),
                "signals": signals,
                "errors": losses,
                "warnings": len(database.found) - losses,
                "defects": [
                    {"line": defect.line, "loses": defect.loses, "what": defect.what}
                    for defect in database.found
                ],
            })  # fmt: skip
            continue
        for defect in database.found:
            where = f"{file}:{defect.line}" if defect.line else file
            print(f"{where}: {'error' if defect.loses else 'warning'}: {defect.what}")
        counts = [_count(len(database.messages), "message"), _count(signals, "signal"), database.encoding]
        found = [_count(losses, "error"), _count(len(database.found) - losses, "warning")]
        print(f"{file}: {', '.join(filter(None, counts))}: {', '.join(found)}")
    if as_json:
        print(json.dumps(reports, indent=2))
    return status


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _show(args: argparse.Namespace) -> int:
    from edge.can.dbc import DbcError, read_database

    database = read_database(args.file)
    wanted = list(database.messages.values())
    if args.messages:
        wanted = []
        for text in args.messages:
            message = _find(database, text)
            if message is None:
                raise DbcError(f"{args.file}: no message {text}; without MESSAGE, show lists them all")
            wanted.append(message)
    if args.json:
        print(json.dumps([_plain(message) for message in wanted], indent=2))
        return 0
    for message in wanted:
        print("\n".join(_lines(message)))
    if len(args.messages) == 1:
        print("\n".join(_picture(wanted[0])))
    return 0


def _find(database: Database, text: str) -> Message | None:
    """A message by its name, or by its id as 0x1A0 or 416."""
    if message := database.named(text):
        return message
    try:
        number = int(text, 0)
    except ValueError:
        return None
    return next((message for message in database.messages.values() if message.id == number), None)


def _id(message: Message) -> str:
    return f"0x{message.id:08X}" if message.extended else f"0x{message.id:03X}"


def _plain(message: Message) -> dict[str, Any]:
    import msgspec

    plain = msgspec.structs.asdict(message)
    del plain["key"]
    signals = [msgspec.structs.asdict(signal) for signal in message.signals]
    return {"id": message.id, "extended": message.extended, **plain, "signals": signals}


def _lines(message: Message) -> list[str]:
    about = [
        f"{message.length} bytes" + (", CAN FD" if message.is_fd else ""),
        "" if message.pgn is None else f"PGN {message.pgn}",
        "" if message.cycle_ms is None else f"every {message.cycle_ms:g} ms",
        f"from {', '.join(message.senders)}" if message.senders else "",
    ]
    lines = [f"{_id(message)} {message.name}: {', '.join(filter(None, about))}"]
    if message.comment:
        lines.append(f"  {' '.join(message.comment.split())}")
    rows = [
        ("signal", "bits", "value", "range", "unit", "there if", "choices"),
        *(_row(signal) for signal in message.signals),
    ]
    used = [column for column in range(7) if any(row[column] for row in rows[1:])]
    widths = {column: max(len(row[column]) for row in rows) for column in used}
    for row in rows if message.signals else []:
        lines.append("  " + "  ".join(row[c].ljust(widths[c]) for c in used).rstrip())
    return [*lines, ""]


def _row(signal: Signal) -> tuple[str, ...]:
    order, sign = "1" if signal.little_endian else "0", "-" if signal.signed else "+"
    kind = f" float{signal.length}" if signal.is_float else ""
    value = "raw" if signal.scale == 1 else f"raw * {signal.scale:.12g}"
    if signal.offset:
        value += f" {'-' if signal.offset < 0 else '+'} {abs(signal.offset):.12g}"
    limits = "" if signal.minimum is None else f"{signal.minimum:.12g} to {signal.maximum:.12g}"
    there = "chooses" if signal.is_multiplexer else ""
    if signal.chosen_by:
        name, ranges = signal.chosen_by
        numbers = ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in ranges)
        there = f"{name} = {numbers}" + (", chooses" if there else "")
    choices = [f"{raw} {name}" for raw, name in sorted(signal.choices.items())]
    shown = ", ".join(choices[:_MAX_CHOICES])
    if len(choices) > _MAX_CHOICES:
        shown += f" and {len(choices) - _MAX_CHOICES} more"
    bits = f"{signal.start}|{signal.length}@{order}{sign}{kind}"
    return signal.name, bits, value, limits, signal.unit, there, shown


def _picture(message: Message) -> list[str]:
    """The bytes, most significant bit first, with a letter for each signal; "*": several."""
    cells = ["."] * (8 * max([message.length, *(signal.bytes_needed() for signal in message.signals)]))
    legend = []
    for signal, letter in zip(message.signals, chain(_LETTERS, iter(lambda: "?", None)), strict=False):
        first, end = signal.span()
        for at in range(first, end):
            bit = at if signal.little_endian else at ^ 7
            cells[bit] = letter if cells[bit] == "." else "*"
        legend.append(f"{letter} {signal.name}")
    lines = ["     byte  7 6 5 4 3 2 1 0"]
    rows = [" ".join(reversed(cells[at : at + 8])) for at in range(0, len(cells), 8)]
    byte = 0
    while byte < len(rows):
        last = byte
        while last + 1 < len(rows) and rows[byte] == rows[last + 1] == ". . . . . . . .":
            last += 1
        beyond = "  beyond the message" if last >= message.length else ""
        lines.append(f"  {byte if byte == last else f'{byte}-{last}':>7}  {rows[byte]}{beyond}")
        byte = last + 1
    return [*lines, *(f"  {line}" for line in legend)]
