"""`icv bench v2x`, receiving: from the link to the peer table, unsigned and signed, beside asn1tools."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from typing import Any

from edge.clock import now_ns
from edge.config import CoreConfig, V2x, V2xSecurity, Vehicle
from edge.core.core import Core
from edge.core.peers import PeerTable
from edge.core.vehicle import OwnVehicle
from edge.messages import Gap, OwnCar, PeerHeard, Position, RemoteObject, Signals
from edge.runtime.bench import Figure
from edge.v2x import etsi
from edge.v2x.etsi.cam_schema import CAM
from edge.v2x.inlet import V2xInlet
from edge.v2x.moments import Now, timestamp_its_ns
from edge.v2x.network import BTP_PORTS, Source, read, single_hop
from edge.v2x.security import Signer, Store, issue
from edge.v2x.security.algorithms import BY_NAME
from edge.v2x.sets import PathPoint
from edge.v2x.station import Station
from edge.v2x.uper.asn1_text import asn1_text

SENDERS = 300
ROUNDS, SIGNED_ROUNDS = 20, 4
REPEATS = 7
PEER_MESSAGES = 600
ASKED_RATIO = 50_000 / 13_000
"""Packets a second asked for, where asn1tools decodes so many CAMs a second."""

_BATCH = 50
_APART_NS = 20_000  # as dense as packets come at 50,000/s
_ROUND_NS = 100_000_000
_BEGIN_NS, _UTC_NS = 1_000_000_000, 1_800_000_000_000_000_000
_CAM_AID = 36
_LATITUDE, _LONGITUDE, _OWN_MPS = 48.0, 11.0, 15.0
_NORTH_M, _EAST_M = 111_200.0, 74_560.0
Packets = list[tuple[int, bytes]]


def measure_receive(say: Callable[[str], None]) -> dict[str, Figure]:
    """Rates of the fastest turns in one process, and their ratios to asn1tools' decoding of the same CAMs.

    300 senders, each a CAM with 10 path points every 100 ms: network layer, duplicate check, whole decode,
    mapping, plausibility, the peer table with its columns; signed also every check and ECDSA P-256. Then once
    more with the whole core behind it, which fuses and assesses everyone for all warnings.
    """
    say(f"receiving: CAMs with 10 path points of {SENDERS} senders, in turns with asn1tools ...")
    plain = list(_packets(ROUNDS, None))
    store, signers = _keys()
    signed = list(_packets(SIGNED_ROUNDS, signers))
    payloads = [read(data).payload for _, data in plain[:PEER_MESSAGES]]
    peer = _asn1tools()
    gc.collect()
    gc.freeze()
    taken: dict[str, list[float]] = {}
    lost = 0
    try:
        for turn in range(REPEATS + 1):
            for name, packets, keys, whole in (
                ("receive", plain, None, False),
                ("core", plain, None, True),
                ("signed", signed, store, False),
            ):
                us, missing = _receive(packets, keys, whole)
                lost += missing
                if turn:  # the first warms up
                    taken.setdefault(name, []).append(us)
            begin_ns = now_ns()
            for payload in payloads:
                peer(payload)
            if turn:
                taken.setdefault("asn1tools", []).append((now_ns() - begin_ns) / 1e3 / len(payloads))
    finally:
        gc.unfreeze()
    fastest = {name: min(all_us) for name, all_us in taken.items()}
    peers_us = fastest["asn1tools"]
    return {
        "receive_ratio": Figure(
            "packet to peer table, of asn1tools' bare decode", peers_us / fastest["receive"], "x"
        ),
        "receive_scaled": Figure(
            "  the same where asn1tools decodes 13,000 CAMs/s",
            13_000 * peers_us / fastest["receive"],
            "packets/s",
        ),
        "receive_rate": Figure(
            "  packet to peer table on this machine", 1e6 / fastest["receive"], "packets/s"
        ),
        "receive_core_rate": Figure(
            "  the same with the whole core and its warnings", 1e6 / fastest["core"], "packets/s"
        ),
        "signed_receive_ratio": Figure(
            "signed packet to peer table, of asn1tools' bare decode", peers_us / fastest["signed"], "x"
        ),
        "signed_scaled": Figure(
            "  the same where asn1tools decodes 13,000 CAMs/s",
            13_000 * peers_us / fastest["signed"],
            "packets/s",
        ),
        "signed_receive_rate": Figure(
            "  signed packet to peer table on this machine", 1e6 / fastest["signed"], "packets/s"
        ),
        "asn1tools_rate": Figure("  asn1tools: the same CAMs decoded", 1e6 / peers_us, "1/s"),
        "receive_lost": Figure("packets that did not reach the table", float(lost), ""),
    }


class _Batches:
    """A link that brings the packets in batches."""

    def __init__(self, packets: Packets) -> None:
        self._batches = [packets[i : i + _BATCH] for i in range(0, len(packets), _BATCH)][::-1]

    def fileno(self) -> int | None:
        return None

    def receive(self) -> Packets:
        return self._batches.pop() if self._batches else []

    def send(self, packet: bytes) -> None:
        pass

    def close(self) -> None:
        pass


def _receive(packets: Packets, store: Store | None, whole: bool) -> tuple[float, int]:
    """(us of one packet, how many were lost on the way): a station and a table that have just begun.

    whole: with the core around the table.
    """
    security = V2xSecurity(
        accept_unsigned=store is None,
        directory=None if store is None else "given",
        verify_us=1_000_000,
        waiting=4096,
    )
    config = V2x(standard="etsi", security=security)
    station = Station(config, 7, _date, _Batches(packets), start_ns=_BEGIN_NS, store=store)
    wanted = CoreConfig(vehicle=Vehicle(title="bench"))
    inlet, core, table = V2xInlet(station), Core(wanted), PeerTable(wanted.rules.peers)
    own = OwnVehicle(wanted.vehicle, wanted.rules.freshness)
    heard, busy_ns, round_ns = 0, 0, -1
    written_ns, every_ns = _BEGIN_NS, round(wanted.rules.peers.look_every_ms * 1e6)
    for last in range(_BATCH - 1, len(packets), _BATCH):
        t_ns = packets[last][0]
        if t_ns // _ROUND_NS != round_ns:  # our own place is no part of what is measured
            round_ns = t_ns // _ROUND_NS
            signals, position = _own(station, t_ns)
            core.step(signals)
            core.step(position)
            own.signals(signals, t_ns)
            own.position(position, t_ns)
            table.own_place(own.state(t_ns))
        begin_ns = now_ns()
        messages = inlet.poll(t_ns)
        if whole:
            for message in messages:
                core.step(message)
        else:
            for message in messages:
                if isinstance(message, PeerHeard):
                    table.hear(message, t_ns)
            if t_ns - written_ns >= every_ns or last + 1 == len(packets):  # as often as the core looks
                written_ns = t_ns
                table.flush()
        busy_ns += now_ns() - begin_ns
        heard += sum(isinstance(message, PeerHeard) for message in messages)
        heard -= sum(message.count for message in messages if isinstance(message, Gap))
    heard -= sum(gap.count for gap in table.gaps(packets[-1][0]))
    return busy_ns / 1e3 / len(packets), len(packets) - heard


def _own(station: Station, t_ns: int) -> tuple[Signals, Position]:
    """Our own car at that moment, which the station is told too."""
    north_m = _OWN_MPS * (t_ns - _BEGIN_NS) / 1e9
    values = {"speed_mps": _OWN_MPS, "indicator_left": 0.0, "indicator_right": 0.0, "yaw_rate_radps": 0.0}
    stamps = (t_ns,) * len(values)
    latitude_deg = _LATITUDE + north_m / _NORTH_M
    station.place(
        OwnCar(
            t_ns=t_ns, speed_mps=_OWN_MPS, acceleration_mps2=0.0, yaw_rate_radps=0.0, steering_angle_rad=0.0,
            brake_pressed=False, indicator="off", latitude_deg=latitude_deg, longitude_deg=_LONGITUDE,
            heading_deg=0.0, position_accuracy_m=1.0, speed_age_s=0.0,
        )
    )  # fmt: skip
    return (
        Signals(t_ns=t_ns, bus="can0", names=tuple(values), values=tuple(values.values()), stamps_ns=stamps),
        Position(
            t_ns=t_ns, source="gnss", latitude_deg=latitude_deg, longitude_deg=_LONGITUDE, altitude_m=500.0,
            geoid_separation_m=0.0, speed_mps=_OWN_MPS, heading_deg=0.0, accuracy_m=1.0,
        ),
    )  # fmt: skip


def _date(t_ns: int) -> int:
    return _UTC_NS + t_ns


def _packets(rounds: int, signers: list[Signer] | None) -> Iterator[tuple[int, bytes]]:
    """When each comes, and its octets: all go north at their own speeds, half a kilometre around us."""
    draw = random.Random(1)
    starts = [
        (draw.uniform(-400.0, 400.0), draw.uniform(-400.0, 400.0), draw.uniform(5.0, 25.0))
        for _ in range(SENDERS)
    ]
    for number in range(rounds):
        for sender, (east_m, north_m, speed_mps) in enumerate(starts):
            t_ns = _BEGIN_NS + number * _ROUND_NS + sender * _APART_NS
            now = Now(t_ns, _date(t_ns))
            north_m += speed_mps * number / 10
            latitude, longitude = _LATITUDE + north_m / _NORTH_M, _LONGITUDE + east_m / _EAST_M
            content = RemoteObject(
                kind="car", latitude_deg=latitude, longitude_deg=longitude, altitude_m=500.0,
                measured_ns=t_ns - 20_000_000, speed_mps=speed_mps, heading_deg=0.0, acceleration_mps2=0.2,
                yaw_rate_radps=0.01, length_m=4.6, width_m=1.8, accuracy_m=1.0, brake_pressed=False,
                indicator="off",
            )  # fmt: skip
            path = [
                PathPoint(latitude - speed_mps * i / _NORTH_M, longitude, t_ns - i * 1_000_000_000, 500.0)
                for i in range(1, 11)
            ]
            source = Source(
                station_type=5, address=0x100000 + sender, timestamp_ms=_its_ms(now),
                speed=round(speed_mps * 100),
                latitude=round(latitude * 1e7), longitude=round(longitude * 1e7), accurate=True,
            )  # fmt: skip
            payload = etsi.cam(content, 0x100000 + sender, now, True, path)
            secure = None
            if signers is not None:
                secure = _secure(signers[sender], now)
            yield t_ns, single_hop(payload, source, BTP_PORTS["CAM"], secure=secure)


def _its_ms(now: Now) -> int:
    return timestamp_its_ns(now.utc_ns) // 1_000_000 & 0xFFFF_FFFF


def _secure(signer: Signer, now: Now) -> Callable[[bytes], bytes]:
    return lambda inside: signer.sign(inside, _CAM_AID, now)


def _keys() -> tuple[Store, list[Signer]]:
    """Ours, and the signers of the others."""
    kind, begin_ns = BY_NAME["p256"], _date(0)
    root, authority = issue.make_root(kind, begin_ns, 24)
    wishes = issue.Wishes(algorithm=kind, start_ns=begin_ns, tickets=SENDERS + 1)
    tickets = issue.make_tickets(authority, wishes)
    stores = [Store((root.certificate,), (authority.certificate,), (ticket,)) for ticket in tickets]
    return stores[-1], [Signer(store) for store in stores[:-1]]


def _asn1tools() -> Callable[[bytes], Any]:
    import asn1tools

    module = asn1tools.compile_string(asn1_text("CAM", CAM), "uper")
    return lambda wire: module.decode("CAM", wire)
