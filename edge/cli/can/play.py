"""`icv can play`: the user's own command on a bench. What it sends does not pass the pipeline's gate."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edge.clock import now_ns

if TYPE_CHECKING:
    from edge.can.bus import CanBus
    from edge.can.frames import Frames
    from edge.can.lateness import Lateness
    from edge.can.logs.reader import LogReader
    from edge.can.play import Player

PRIORITY = 10

HELP = """\
Frames go out as they were recorded, whatever they do there: this is your command, and the gate that judges
what the pipeline itself sends is not asked. Buses that are not virtual need --yes.

Keys while it plays: space holds and goes on, + and - double and halve the speed, q ends."""

TO_HELP = "onto which channel each bus of the log goes, as can0=vcan0; without BUS= all not named"

_SPEED_STEPS = {"+": 2.0, "-": 0.5}


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    from edge.cli.can.log import log_argument

    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = HELP
    log_argument(parser)
    add = parser.add_argument
    add("--to", metavar="[BUS=]CHANNEL", nargs="+", action="extend", required=True, help=TO_HELP)
    add("--kind", default="socketcan", help="of bus: socketcan, slcan, or one of python-can's")
    add("--bitrate", type=int, help="for kinds that set it")
    add(
        "--speed",
        type=_speed,
        default=1.0,
        metavar="N|max",
        help="2: twice as fast; max: as the buses take it",
    )
    add("--from-s", type=_seconds, default=0, metavar="S", help="begin so long after the first frame")
    add("--to-s", type=_seconds, default=None, metavar="S", help="end so long after the first frame")
    add("--loop", type=_rounds, default=1, metavar="N", help="play it N times; 0: until stopped")
    add(
        "--only",
        type=_ids,
        default=None,
        metavar="ID,...",
        help="only these ids; 8 digits: extended, as 0x00000123",
    )
    add("--drop", type=_ids, default=frozenset(), metavar="ID,...", help="not these ids")
    add(
        "--map-id",
        type=_renaming,
        action="append",
        default=[],
        metavar="ID=ID",
        help="send one id as another",
    )
    add("--yes", action="store_true", help="the channels are meant, although they are not virtual")
    add("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0; 1 if frames were refused or lines of the log could not be read."""
    from edge.can.logs.reader import read_log
    from edge.can.play import Choice, Player, ahead
    from edge.clock import PreciseClock
    from edge.config import Runtime
    from edge.runtime.rights import asked
    from edge.runtime.stopping import stopped_by_signals

    channels, by_bus, others = _targets(args.to)
    _check_meant(args, channels)
    choice = Choice(by_bus, others, args.only, args.drop, dict(args.map_id), args.from_s, args.to_s)
    log = read_log(args.log)  # what is wrong with it is said before a bus is opened
    with (
        _opened(args.kind, channels, args.bitrate) as targets,
        asked(Runtime(realtime_priority=PRIORITY)) as rights,
    ):
        player = Player(targets, PreciseClock(), args.speed)
        with (
            stopped_by_signals(player.stop),
            contextlib.closing(_Display(player, args.json)) as display,
            _keys(player) as display.hint,
        ):
            rounds = 0
            while not player.stopped and (args.loop == 0 or rounds < args.loop):
                log = read_log(args.log)
                with contextlib.closing(ahead(display.watch(log))) as batches:
                    player.play(choice.of(batches, log.buses), display.tell)
                rounds += 1
                if not sum(player.sent) + player.refused.total():
                    break
    unknown = sorted(set(by_bus) - set(log.buses))
    found = _summary(args, log, channels, player, rounds, unknown, rights)
    if args.json:
        import json

        print(json.dumps(found, indent=2))
    else:
        print("\n".join(_lines(found, player.lateness)))
    return 1 if player.refused or log.report.bad_count or unknown else 0


def _targets(to: list[str]) -> tuple[list[str], dict[str, int], int | None]:
    """The channels, the index of that of each named bus, and that of all others."""
    channels: list[str] = []
    by_bus: dict[str, int] = {}
    others = None
    for text in to:
        bus, equals, channel = text.rpartition("=")
        if channel not in channels:
            channels.append(channel)
        if equals:
            by_bus[bus] = channels.index(channel)
        else:
            others = channels.index(channel)
    return channels, by_bus, others


def _check_meant(args: argparse.Namespace, channels: list[str]) -> None:
    from edge.config import UserError

    if args.kind in ("virtual", "udp_multicast") or args.yes:
        return
    real = [channel for channel in channels if args.kind != "socketcan" or not channel.startswith("vcan")]
    if real:
        raise UserError(
            f"{', '.join(real)}: not a virtual bus: what is played there can move a real machine; "
            "add --yes if that is meant"
        )


@contextlib.contextmanager
def _opened(kind: str, channels: list[str], bitrate: int | None) -> Iterator[list[tuple[CanBus, int]]]:
    """The channels, open: SocketCAN's behind one door, so that one call sends to all."""
    from edge.can.bus import open_bus
    from edge.config import Can

    cans = [Can(name=channel, kind=kind, channel=channel, bitrate=bitrate) for channel in channels]
    with contextlib.ExitStack() as stack:
        if kind == "socketcan":
            bus = open_bus(*cans)
            stack.callback(bus.close)
            yield [(bus, index) for index in range(len(cans))]
            return
        targets = []
        for can in cans:
            bus = open_bus(can)
            stack.callback(bus.close)
            targets.append((bus, 0))
        yield targets


# ---------------------------------------------------------------- while it plays


@contextlib.contextmanager
def _keys(player: Player) -> Iterator[str]:
    """Listens to the keyboard, where there is one; gives the hint for people."""
    try:
        import select
        import termios
        import tty

        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
        ours = os.tcgetpgrp(terminal) == os.getpgrp()  # one in the background would be stopped
    except (ImportError, OSError, ValueError, termios.error):
        ours = False
    if not ours:
        yield ""
        return
    ended = threading.Event()

    def listen() -> None:
        with contextlib.suppress(OSError):  # the terminal was closed
            while not ended.is_set():
                if select.select([terminal], [], [], 0.1)[0]:
                    for key in os.read(terminal, 64).decode(errors="replace") or ("",):
                        _key(player, key)

    tty.setcbreak(terminal)
    thread = threading.Thread(target=listen, name="keys", daemon=True)
    thread.start()
    try:
        yield "  [space + - q]"
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)  # first: Ctrl-C may end the joining
        ended.set()
        thread.join(1.0)


def _key(player: Player, key: str) -> None:
    if key == " ":
        player.paused = not player.paused
    elif key in _SPEED_STEPS:
        player.set_speed(player.speed * _SPEED_STEPS[key])
    elif key in ("q", ""):
        player.stop()


class _Display:
    """Where the playing is: a bar on a terminal, four times a second at most."""

    def __init__(self, player: Player, hidden: bool) -> None:
        from tqdm import tqdm

        self.hint = ""
        self._player = player
        self._hidden = hidden or not sys.stderr.isatty()
        self._next_ns = 0
        self._length_s = 0.0
        self._bar = tqdm(disable=self._hidden, leave=False, bar_format="{bar}{desc}", mininterval=0, total=0)

    def watch(self, log: LogReader) -> Iterator[Frames]:
        """Pass the batches through; as they are read ahead, they tell how long the log is."""
        first_ns = None
        for batch in log:
            if len(batch):
                first_ns = int(batch.t_ns[0]) if first_ns is None else first_ns
                self._length_s = max(self._length_s, (int(batch.t_ns.max()) - first_ns) / 1e9)
            yield batch

    def tell(self) -> None:
        """Draw, if it is time."""
        now = now_ns()
        if self._hidden or now < self._next_ns:
            return
        self._next_ns = now + 250_000_000
        player, bar = self._player, self._bar
        bar.total, bar.n = self._length_s, min(player.position_ns / 1e9, self._length_s)
        held = "  held" if player.paused else ""
        place = f"{bar.n:.1f} of {bar.total:.1f} s, {sum(player.sent):,} frames"
        bar.set_description_str(f" {place}, {player.speed:g}x{held}{self.hint}")

    def close(self) -> None:
        """Wipe it."""
        self._bar.close()


# ---------------------------------------------------------------- the answer


def _summary(
    args: argparse.Namespace,
    log: LogReader,
    channels: list[str],
    player: Player,
    rounds: int,
    unknown: list[str],
    rights: list[str],
) -> dict[str, object]:
    refused = [
        {"channel": channels[index], "reason": reason, "frames": count}
        for (index, reason), count in player.refused.most_common()
    ]
    duration_s = max(player.ended_ns - (player.began_ns or player.ended_ns), 0) / 1e9
    return {
        "file": args.log,
        "rounds": rounds,
        "duration_s": duration_s,
        "sent": dict(zip(channels, player.sent, strict=True)),
        "refused": refused,
        "buses_not_in_the_log": unknown,
        "buses": log.buses,
        "backwards": player.backwards,
        "lateness": player.lateness.figures() if player.lateness.count else None,
        "rights": rights,
        "bad_lines": log.report.bad_count,
        "bad": log.report.bad,
    }


def _lines(found: dict[str, object], lateness: Lateness) -> list[str]:
    sent = found["sent"]
    refused, duration_s = found["refused"], found["duration_s"]
    assert isinstance(sent, dict)
    assert isinstance(refused, list)
    assert isinstance(duration_s, float)
    total = sum(sent.values())
    rate = f", {total / duration_s:,.0f} frames/s" if duration_s > 0 else ""
    lines = [f"{found['file']}: {total:,} frames in {duration_s:.3f} s{rate}"]
    lines += [f"  sent      {channel}: {count:,} frames" for channel, count in sent.items()]
    lines += [f"  refused   {r['channel']}: {r['frames']:,} frames: {r['reason']}" for r in refused]
    if found["buses_not_in_the_log"]:
        missing, known = found["buses_not_in_the_log"], found["buses"]
        lines.append(f"  not there {', '.join(missing)}: the log has {', '.join(known)}")  # type: ignore[arg-type]
    elif not total:
        lines.append(f"  nothing was chosen; the log has {', '.join(found['buses'])}")  # type: ignore[arg-type]
    if found["backwards"]:
        lines.append(f"  backwards {found['backwards']:,} frames were earlier than the one before them")
    if found["bad_lines"]:
        lines.append(f"  bad       {found['bad_lines']:,} lines or objects could not be read")
    lines += [f"  rights    {right}" for right in found["rights"]]  # type: ignore[attr-defined]
    if lateness.count:
        p50, p90, p99 = (lateness.quantile_ns(share) / 1000 for share in (0.5, 0.9, 0.99))
        lines.append(
            f"  late      p50 {p50:.1f} us, p90 {p90:.1f} us, p99 {p99:.1f} us, at most"
            f" {lateness.max_ns / 1000:.1f} us; too early: {lateness.early}"
        )
        lines += ["  " + line for line in lateness.lines()]
    return lines


# ---------------------------------------------------------------- what the user writes


def _speed(text: str) -> float:
    speed = float("inf") if text == "max" else float(text)
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"{text} is not a speed: 1, 2, 0.5 or max")
    return speed


def _seconds(text: str) -> int:
    from decimal import Decimal, InvalidOperation

    try:
        ns = int(Decimal(text) * 10**9)
    except (InvalidOperation, ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds") from None
    if ns < 0:
        raise argparse.ArgumentTypeError(f"{text} is before the first frame")
    return ns


def _rounds(text: str) -> int:
    rounds = int(text)
    if rounds < 0:
        raise argparse.ArgumentTypeError(f"{text} rounds cannot be played")
    return rounds


def _id(text: str) -> int:
    """The key of an id: extended with more than three hex digits or beyond 0x7FF."""
    from edge.can.frames import KEY_EXTENDED

    digits = text.lower().removeprefix("0x")
    try:
        number = int(digits, 16)
    except ValueError:
        number = -1
    if not 0 <= number <= 0x1FFFFFFF:
        raise argparse.ArgumentTypeError(f"{text} is no CAN id: hex, as 0x123 or 0x18FEF100")
    return number | (KEY_EXTENDED if number > 0x7FF or len(digits) > 3 else 0)


def _ids(text: str) -> frozenset[int]:
    return frozenset(_id(one.strip()) for one in text.split(",") if one.strip())


def _renaming(text: str) -> tuple[int, int]:
    old, equals, new = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not ID=ID, as 0x100=0x200")
    return _id(old), _id(new)
