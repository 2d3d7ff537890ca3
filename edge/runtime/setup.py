"""From a config to the parts of a run: what live, replay and the rig have in common."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge import config as cfg
from edge.can.dbc import Database
from edge.can.vehicle import VehicleReader, read_databases
from edge.config import Config, ConfigError, CoreConfig, Geometry, Vehicle
from edge.drives.header import DriveHeader, ModelUsed, Source, source
from edge.runtime.begin import Eyes, read_eyes
from edge.sim.scenario import Scenario
from edge.sim.world import World
from edge.vision.zoo import Zoo


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """A config with every file that it names read.

    dbc_files: of the vehicle's own databases, with their buses; notes: what was assumed, to be said aloud.
    """

    config: Config
    vehicle: Vehicle
    databases: tuple[tuple[Database, str | None], ...]
    dbc_files: tuple[tuple[Path, str | None], ...]
    geometry: dict[str, Geometry]
    scenario: Path | None
    notes: tuple[str, ...]

    @property
    def eyes(self) -> Eyes:
        """What the camera workers are told."""
        return Eyes(config=self.config, geometry=self.geometry, scenario=self.scenario, notes=self.notes)

    @property
    def simulated(self) -> bool:
        """True if anything of this run is not from the world."""
        return any(kind == "simulated" for _, kind in self._kinds())

    def real_parts(self) -> list[str]:
        """What of this run is from the world."""
        return [f"{part} ({kind})" for part, kind in self._kinds() if kind != "simulated"]

    def _kinds(self) -> list[tuple[str, str]]:
        c = self.config
        return [
            *((f"can {can.name}", can.kind) for can in c.can),
            *((f"camera {camera.name}", camera.kind) for camera in c.cameras),
            *((f"gnss {gnss.name}", gnss.kind) for gnss in c.gnss),
            *((("v2x", "simulated" if c.v2x.simulated_peers else c.v2x.link.kind),) if c.v2x else ()),
        ]

    @property
    def core(self) -> CoreConfig:
        """What the core is told."""
        return CoreConfig(
            rules=self.config.rules,
            vehicle=self.vehicle,
            geometry=self.geometry,
            send_v2x=self.config.v2x is not None and self.config.v2x.send,
            v2x_standard=self.config.v2x.standard if self.config.v2x else "etsi",
            diagnostics=self.config.diagnostics,
        )

    def sources(self) -> tuple[Source, ...]:
        """The scenario, the vehicle's DBC files, and the files that cameras read."""
        files = [("scenario", self.scenario)] if self.scenario else []
        files += [(dbc_role(bus), path) for path, bus in self.dbc_files]
        for camera in self.config.cameras:
            if camera.kind in ("file", "recording") and Path(camera.address).is_file():
                files.append((f"camera:{camera.name}", Path(camera.address)))
        return tuple(source(role, path.resolve()) for role, path in files)

    def world(self) -> World:
        """The simulated world. Raises ConfigError if the config has none."""
        return World(self.read_scenario())

    def read_scenario(self) -> Scenario:
        """What is simulated; making a World of it takes a tenth of a second. Raises ConfigError."""
        if self.scenario is None:
            raise ConfigError(
                f'{self.config.name}: something is of kind "simulated", but there is no scenario'
            )
        return cfg.read(self.scenario, Scenario)

    def reader(self) -> VehicleReader:
        """The decoder of this vehicle's signals."""
        return VehicleReader(self.vehicle, self.databases)

    def header(self, title: str, sources: tuple[Source, ...] = ()) -> DriveHeader:
        """The beginning of a recording of this run."""
        zoo = Zoo(also=self.config.perception.zoo)
        names = dict.fromkeys(name for camera in self.config.cameras for name in camera.models)
        return DriveHeader(
            title=title,
            simulated=self.simulated,
            core_config=msgspec.json.encode(self.core).decode(),
            config=msgspec.json.encode(self.config).decode(),
            config_sha256=cfg.digest(self.config),
            models=tuple(ModelUsed(name=name, sha256=zoo.entry(name).sha256) for name in names),
            sources=sources,
        )


def dbc_role(bus: str | None) -> str:
    """How a recording names a DBC file among its sources."""
    return f"dbc:{bus}" if bus else "dbc"


def read_setup(path: str | Path) -> Setup:
    """A config file and all that it names. Raises ConfigError or DbcError."""
    path = Path(path)
    return complete(cfg.read(path, Config), path)


def complete(
    config: Config,
    beside: Path,
    databases: list[tuple[Database, str | None]] | None = None,
    eyes: Eyes | None = None,
) -> Setup:
    """Read what a config names, relative to the file `beside`; databases given replace the vehicle's own.

    The Setup's config is that of `eyes`, which is read here if it was not before.
    """
    eyes = eyes or read_eyes(config, beside)
    config = eyes.config
    if config.v2x is not None and config.v2x.security.directory is not None:
        keys = beside.resolve().parent / Path(config.v2x.security.directory).expanduser()
        security = msgspec.structs.replace(config.v2x.security, directory=str(keys))
        config = msgspec.structs.replace(config, v2x=msgspec.structs.replace(config.v2x, security=security))
    vehicle_path = cfg.resolve(config.vehicle, beside)
    vehicle = cfg.read(vehicle_path, Vehicle)
    dbc_files = (
        [] if databases is not None else [(cfg.resolve(d.file, vehicle_path), d.bus) for d in vehicle.dbc]
    )
    known = databases if databases is not None else read_databases(vehicle, vehicle_path)
    return Setup(
        config=config,
        vehicle=vehicle,
        databases=tuple(known),
        dbc_files=tuple(dbc_files),
        geometry=eyes.geometry,
        scenario=eyes.scenario,
        notes=eyes.notes,
    )
