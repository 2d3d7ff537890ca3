"""Signing stations with nothing but air between them, for the tests of the exchange."""

import os
import select

import pytest
from v2x_security_world import START_NS

from edge.clock import RecordedClock
from edge.config import V2x, V2xSecurity
from edge.messages import (
    Announce,
    Gap,
    OwnCar,
    PeerHeard,
    PerceivedObjects,
    RemoteObject,
    RoadEvent,
)
from edge.v2x.inlet import V2xInlet, VerifiedInlet
from edge.v2x.links.loopback import Loopback
from edge.v2x.sender import V2xSender
from edge.v2x.station import Station

pytest.importorskip("cryptography")

S = 1_000_000_000
HERE = (39.9, 116.3)
CAR = RemoteObject(kind="car", latitude_deg=HERE[0], longitude_deg=HERE[1], speed_mps=20.0, heading_deg=90.0)
TURNS = int(os.environ.get("FUZZ_EXAMPLES", "1500")) // 50
SEEN = PerceivedObjects(
    objects=(RemoteObject(kind="person", id="5", latitude_deg=39.9002, longitude_deg=116.3, speed_mps=1.0),)
)
AIDS = {"etsi": {"CAM": 36, "DENM": 37}, "csae53": {"CAM": 111, "DENM": 3620}}


def event(number, kind="stationary_vehicle"):
    return RoadEvent(id=str(number), kind=kind, latitude_deg=39.901, longitude_deg=116.3)


def own_car(t_ns, place=HERE):
    return OwnCar(
        t_ns=t_ns, speed_mps=20.0, acceleration_mps2=0.0, yaw_rate_radps=0.0, steering_angle_rad=None,
        brake_pressed=False, indicator=None, latitude_deg=place[0], longitude_deg=place[1], heading_deg=90.0,
        position_accuracy_m=1.0, speed_age_s=0.0,
    )  # fmt: skip


class Air:
    """Senders and one inlet with nothing but air between them."""

    def __init__(self, keys, standard, *, threaded=False, hear=None, **security):
        self.clock = RecordedClock(5 * S)
        self.keys, self.standard, self.settings = keys, standard, security
        self.near, self.far = Loopback.pair(self.clock)
        self.me = self.station("me", 7, self.far, threaded=threaded)
        self.ear = V2xInlet(self.me)
        self.believed = VerifiedInlet(self.ear, self.me)

    def config(self, name):
        security = V2xSecurity(directory=name and str(self.keys / name), **self.settings)
        return V2x(standard=self.standard, security=security, dcc=False)

    def station(self, name, number, link, **more):
        return Station(self.config(name), number, self.date, link, start_ns=S, **more)

    def date(self, t_ns):
        return START_NS + 3600 * S + t_ns

    def sender(self, name, number, **more):
        sender = V2xSender(self.station(name, number, self.near, **more))
        sender.station.place(own_car(self.now))
        return sender

    @property
    def now(self):
        return self.clock.now_ns()

    def wait(self, s=0.1):
        self.clock.sleep_until_ns(self.now + round(s * S))

    def say(self, sender, content=CAR):
        sender.station.place(own_car(self.now))
        return sender.take(Announce(t_ns=self.now, content=content, cause="test"), self.now)

    def poll(self):
        """What the loop gets: in a thread it waits until all is judged."""
        out = list(self.ear.poll(self.now))
        verifying = self.me.verifying
        while verifying.fileno() is not None and len(verifying):
            assert select.select([self.believed.fileno()], [], [], 10)[0]
            out += self.believed.poll(self.now)
        return out + list(self.ear.poll(self.now))


def heard(messages):
    return [m for m in messages if isinstance(m, PeerHeard)]


def gaps(messages):
    found = {}
    for m in messages:
        if isinstance(m, Gap):
            found[m.reason] = found.get(m.reason, 0) + m.count
    return found


BOTH = pytest.mark.parametrize("standard", ["csae53", "etsi"])
THREAD = pytest.mark.parametrize("threaded", [False, True], ids=["inline", "thread"])


def damaged(packet):
    return packet[:-1] + bytes((packet[-1] ^ 1,))
