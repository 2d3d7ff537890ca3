"""A drive on which everything is told that a message can hold, as it comes out of the link.

A car drives round a ring, tells of events and objects, and speaks for a crossing too.
"""

from dataclasses import dataclass, field
from typing import get_args

import pytest

from edge.clock import RecordedClock
from edge.config import V2x, V2xSecurity
from edge.messages import OwnCar, PerceivedObjects, RemoteObject, RoadEvent, RoadEventKind
from edge.sim.traffic import Traffic
from edge.v2x import network
from edge.v2x.links.loopback import Loopback
from edge.v2x.sender import V2xSender
from edge.v2x.station import Station

S = 1_000_000_000
DATE_NS = 1_800_000_000 * S  # 2027-01-15T08:00:00Z, a Friday; where the test certificates begin
ITS_MS = 1_072_915_200_000 - 5_000  # 2004 in ms since 1970, and 5 leap seconds since
START_NS, END_NS = 5 * S, 45 * S
STATION = 6699
KINDS = get_args(RoadEventKind)

UPDATED_NS, OVER_NS = START_NS + 8 * S, START_NS + 12 * S  # of the accident


@dataclass
class Air:
    """One drive: (monotonic ns, packet) as they came out of the link, and what was meant."""

    traffic: Traffic
    sender: V2xSender
    heard: list = field(default_factory=list)
    objects: list = field(default_factory=list)  # each PerceivedObjects told, with its moment
    events: dict = field(default_factory=dict)  # by kind: as first told, and when
    seen: list = field(default_factory=list)  # what tshark says of each of heard

    def car(self, t_ns):
        return self.traffic.vehicle(0, (t_ns - START_NS) / S)

    def of(self, message):
        """(monotonic ns, what tshark says) of each message of a kind."""
        number = {"DENM": 1, "CAM": 2, "SPATEM": 4, "MAPEM": 5, "CPM": 14}[message]
        pairs = zip(self.heard, self.seen, strict=True)
        return [(t_ns, said) for (t_ns, _), said in pairs if said["its_its_messageID"] == str(number)]


def drive(standard, security=None, seconds=(END_NS - START_NS) / S):
    """So much of it."""
    clock = RecordedClock(START_NS)
    near, far = Loopback.pair(clock)
    settings = V2x(standard=standard, dcc=False, security=security or V2xSecurity())
    sender = V2xSender(Station(settings, STATION, date, near))
    air = Air(Traffic(1, 48.1, 11.5), sender)
    for step in range(round(seconds * 10)):
        t_ns = START_NS + step * (S // 10)
        clock.sleep_until_ns(t_ns)
        car = air.car(t_ns)
        sender.station.place(own_car(car, t_ns))
        sender.tell(car, t_ns)
        if step < len(KINDS):
            air.events[KINDS[step]] = event(KINDS[step], car), t_ns
            sender.tell(air.events[KINDS[step]][0], t_ns)
        if t_ns == UPDATED_NS:
            sender.tell(event("accident", car, confidence_ratio=1.0), t_ns)
        if t_ns == OVER_NS:
            sender.tell(event("accident", car, over=True), t_ns)
        if step % 5 == 0 and step <= 200:  # 0, 1 ... 40 objects
            told = PerceivedObjects(objects=tuple(thing(step, n, car, t_ns) for n in range(step // 5)))
            air.objects.append((t_ns, told))
            sender.tell(told, t_ns)
        if step % 10 == 7:
            sender.tell(air.traffic.crossing(), t_ns)
            sender.tell(air.traffic.signals((t_ns - START_NS) / S, t_ns), t_ns)
        sender.due(t_ns)
        air.heard += far.receive()
    return air


def date(t_ns):
    return DATE_NS + t_ns


def own_car(car, t_ns):
    return OwnCar(
        t_ns=t_ns,
        speed_mps=car.speed_mps,
        acceleration_mps2=car.acceleration_mps2,
        yaw_rate_radps=car.yaw_rate_radps,
        steering_angle_rad=None,
        brake_pressed=car.brake_pressed,
        indicator=None,
        latitude_deg=car.latitude_deg,
        longitude_deg=car.longitude_deg,
        heading_deg=car.heading_deg,
        position_accuracy_m=car.accuracy_m,
        speed_age_s=0.0,
    )


def event(kind, car, **values):
    """Something 111 m north of where the car is now."""
    place = {"latitude_deg": car.latitude_deg + 0.001, "longitude_deg": car.longitude_deg}
    common = {"heading_deg": 90.0, "speed_mps": 1.5, "radius_m": 80.0, "confidence_ratio": 0.5}
    if kind == "speed_limit":
        common["speed_limit_mps"] = 50 / 3.6
    return RoadEvent(**{"id": kind, "kind": kind, **place, **common, **values})


def thing(step, n, car, t_ns):
    """One of those around: each step has new ones."""
    return RemoteObject(
        kind=("car", "truck", "bus", "person", "bicycle", "motorcycle", "unknown")[n % 7],
        id=str(1 + step * 50 + n),
        latitude_deg=car.latitude_deg + (n - 20) * 2e-5,
        longitude_deg=car.longitude_deg + (n % 8) * 3e-5,
        speed_mps=1.0 + n,
        heading_deg=9.0 * n,
        length_m=1.0 + n / 10,
        width_m=0.6 + n / 20,
        accuracy_m=0.5,
        confidence_ratio=0.8,
        measured_ns=t_ns - 40_000_000,
    )


def keys(folder):
    pytest.importorskip("cryptography")
    from v2x_security_world import authorities, tickets

    from edge.v2x.security import issue

    folder.mkdir(mode=0o700)
    issue.write_station(folder, "car", *authorities(), tickets(2), False)
    return V2xSecurity(directory=str(folder / "car"))


def payloads(air):
    """(monotonic ns, service, payload), also of what is signed."""
    for t_ns, data in air.heard:
        packet = network.read(data)
        if packet.secured is not None:
            from edge.v2x.security import read_signed

            signed = read_signed(packet.secured)
            assert (packet.family == "geonetworking") or signed.aid == packet.service
            if packet.family == "geonetworking":
                packet = network.read_inside(packet, signed.payload)
            else:
                yield t_ns, packet.service, signed.payload
                continue
        yield t_ns, packet.service, packet.payload
