"""What the ear and the mouth of one station share: its link, its name, its place and the date."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from edge.config import V2x, Vehicle
from edge.messages import (
    Intersections,
    OwnCar,
    PerceivedObjects,
    RemoteObject,
    RoadEvent,
    SignalStates,
)
from edge.v2x.facilities.congestion import Dcc
from edge.v2x.facilities.pseudonyms import RANDOM_BITS, Pseudonym, Pseudonyms
from edge.v2x.links import Link, open_link
from edge.v2x.moments import Now, timestamp_its_ns
from edge.v2x.network import Source
from edge.v2x.network.packet import STATION_TYPES
from edge.v2x.network.router import Router
from edge.v2x.scales import steps

if TYPE_CHECKING:
    from edge.v2x.security import Signer, Store
    from edge.v2x.verifying import Verifying

_RETRY_NS = 1_000_000_000
_PLACE_NS = 2_000_000_000
_CONFLICT_NS = 10_000_000_000  # who borrows our address again and again cannot drive us from name to name
Content: TypeAlias = RemoteObject | RoadEvent | PerceivedObjects | Intersections | SignalStates
"""What a station can say: the first three are a vehicle's, the others a roadside's."""

Outgoing: TypeAlias = tuple[int, bytes]
"""A packet and its traffic class, for congestion control; 0 goes first."""


class Station:
    """One station on the air.

    link: None opens the one that the config names, and again once a second when it fails. beside: heard too,
    never sent to. date: monotonic ns -> ns since 1970; start_ns: now. threaded: verify in a thread of its
    own. random: bits for pseudonyms, asked for their number; None: the name stays. store: the keys of the
    config, if they have been read already. vehicle: what we are; None: a car of unknown size. trouble: why
    the link does not work, "" while it does. Raises ValueError for a station_id that does not fit, UserError
    for keys that cannot be used.
    """

    def __init__(
        self,
        config: V2x,
        station_id: int,
        date: Callable[[int], int],
        link: Link | None = None,
        beside: Link | None = None,
        *,
        start_ns: int = 0,
        threaded: bool = False,
        random: Callable[[int], int] | None = None,
        store: Store | None = None,
        vehicle: Vehicle | None = None,
    ) -> None:
        bits = 32 if config.standard == "etsi" else 64
        if not 0 <= station_id < 1 << bits:
            raise ValueError(f"[v2x] station_id: {station_id} does not fit in {bits} bits")
        self.config = config
        self.station_id = station_id
        self.trouble = ""
        self.router = Router(station_id & 0xFFFF_FFFF_FFFF)
        self.dcc = Dcc(config.bit_rate) if config.standard == "etsi" and config.dcc else None
        self.names = {f"{station_id:016x}", str(station_id)}
        self.signer: Signer | None = None
        self.verifying: Verifying | None = None
        self._vehicle = vehicle
        self._random = random
        self._pseudonyms: Pseudonyms | None = None
        if random is not None:
            self._pseudonyms = Pseudonyms(random(RANDOM_BITS), start_ns)
        self._named_ns = start_ns - _CONFLICT_NS
        self._date = date
        self._given = link
        self._link = link
        self._beside = beside
        self._retry_ns = -_RETRY_NS
        self._own: RemoteObject | None = None
        self._own_ns = 0
        directory = config.security.directory
        if directory is not None:
            from edge.v2x.security import Requests, Signer, Verifier, load
            from edge.v2x.verifying import Verifying

            store, requests = store or load(directory, date(start_ns)), Requests()
            self.signer = Signer(store, requests)
            verifier = Verifier(store, config.security, requests)
            self.verifying = Verifying(verifier, config.security, threaded=threaded)

    def now(self, t_ns: int) -> Now:
        """The moment on both clocks."""
        return Now(t_ns, self._date(t_ns))

    # ------------------------------------------------------------ where we are

    def place(self, own: OwnCar) -> None:
        """Where our car is, as the core sees it; without a place, or with none on earth, nothing changes."""
        if own.latitude_deg is None or own.longitude_deg is None:
            return
        if not (-90.0 <= own.latitude_deg <= 90.0 and -180.0 <= own.longitude_deg <= 180.0):
            return
        self._own_ns = own.t_ns
        self._own = RemoteObject(
            kind="car" if self._vehicle is None else self._vehicle.kind,
            latitude_deg=own.latitude_deg,
            longitude_deg=own.longitude_deg,
            speed_mps=own.speed_mps,
            heading_deg=own.heading_deg,
            acceleration_mps2=own.acceleration_mps2,
            yaw_rate_radps=own.yaw_rate_radps,
            length_m=None if self._vehicle is None else self._vehicle.length_m,
            width_m=None if self._vehicle is None else self._vehicle.width_m,
            accuracy_m=own.position_accuracy_m,
            brake_pressed=own.brake_pressed,
        )

    def own(self, now_ns: int) -> RemoteObject | None:
        """Our own state, None when it is older than 2 s."""
        return self._own if self._own is not None and now_ns - self._own_ns <= _PLACE_NS else None

    def own_source(self, now_ns: int) -> Source | None:
        """Our own position vector, None while our place is not known."""
        own = self.own(now_ns)
        return None if own is None else self.source(own, self.now(now_ns))

    def source(self, content: RemoteObject, now: Now) -> Source:
        """Our position vector for the headers of GeoNetworking."""
        heading = content.heading_deg
        return Source(
            station_type=STATION_TYPES.get(content.kind, 0),
            address=self.router.address,
            timestamp_ms=timestamp_its_ns(now.utc_ns) // 1_000_000 & 0xFFFF_FFFF,
            latitude=round(content.latitude_deg * 1e7),
            longitude=round(content.longitude_deg * 1e7),
            accurate=content.accuracy_m is not None and content.accuracy_m <= 80.0,  # itsGnPaiInterval
            speed=steps("speed", content.speed_mps or 0.0, 100, -16384, 16383, 0),
            heading=0 if heading is None or not math.isfinite(heading) else round(heading * 10) % 3600,
        )

    # ------------------------------------------------------------ who we are

    def secure(self, aid: int, now: Now, place: RemoteObject | None) -> Callable[[bytes], bytes] | None:
        """What signs a message for an application at a place; None where nothing is signed.

        It raises CodecError: no ticket is good now, or none for this application.
        """
        signer = self.signer
        if signer is None:
            return None
        where = None
        if place is not None:
            where = (round(place.latitude_deg * 1e7), round(place.longitude_deg * 1e7))
        altitude_m = None if place is None else place.altitude_m

        def sign(payload: bytes) -> bytes:
            return signer.sign(payload, aid, now, where, altitude_m)

        return sign

    def renamed(self, now_ns: int, in_event: bool) -> Pseudonym | None:
        """A new name if it is time, or if another station has ours; the caller forgets what ties to it.

        For another station that has ours at most every 10 s.
        """
        pseudonyms = self._pseudonyms
        if pseudonyms is None or self._random is None:
            return None
        if self._own is not None:
            pseudonyms.moved(self._own.latitude_deg, self._own.longitude_deg)
        conflict = self.router.conflicts and now_ns - self._named_ns >= _CONFLICT_NS
        if not pseudonyms.due(now_ns, in_event) and not conflict:
            return None
        self._named_ns = now_ns
        name = pseudonyms.change(self._random(RANDOM_BITS), now_ns)
        self.station_id = name.station_id if self.config.standard == "etsi" else name.long_id
        self.names |= {f"{self.station_id:016x}", str(self.station_id)}
        self.router.rename(name.address, name.sequence)
        self.router.conflicts = 0
        if self.signer is not None:
            self.signer.change()
        return name

    # ------------------------------------------------------------ the link

    def fileno(self) -> int | None:
        """The link's, while it is open."""
        return None if self._link is None else self._link.fileno()

    def receive(self, now_ns: int) -> list[tuple[int, bytes]]:
        """What has come; nothing while the link does not work."""
        beside = [] if self._beside is None else self._beside.receive()
        link = self._open(now_ns)
        if link is None:
            return beside
        try:
            packets = link.receive()
        except OSError as error:
            self._fail(error, now_ns)
            return beside
        self.trouble = ""
        if self.dcc is not None and packets:
            self.dcc.heard(sum([len(data) for _, data in packets]), packets[-1][0], len(packets))
        return beside + packets if beside else packets

    def send(self, packet: bytes, now_ns: int) -> bool:
        """Whether it went."""
        link = self._open(now_ns)
        if link is None:
            return False
        try:
            link.send(packet)
        except OSError as error:
            self._fail(error, now_ns)
            return False
        return True

    def close(self) -> None:
        """Leave the link, for good."""
        if self.verifying is not None:
            self.verifying.close()
        if self._link is not None:
            self._link.close()
        self._link = None
        self._retry_ns = 1 << 63

    def _open(self, now_ns: int) -> Link | None:
        if self._link is None and now_ns >= self._retry_ns:
            try:
                self._link = self._given or open_link(self.config.link)
            except (OSError, ValueError) as error:
                self._fail(error, now_ns)
        return self._link

    def _fail(self, error: Exception, now_ns: int) -> None:
        if self._link is not None and self._given is None:
            self._link.close()
        self._link = None
        self._retry_ns = now_ns + _RETRY_NS
        link = self.config.link
        where = f" {link.group}:{link.port} on {link.interface}" if link.kind == "udp_multicast" else ""
        self.trouble = f"{link.kind}{where}: {error}; check [v2x.link], its interface first; retrying"
