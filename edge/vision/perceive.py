"""One camera's networks at work: a picture in, a view out. The same in a worker process and inline."""

from __future__ import annotations

import contextlib
import importlib.util
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from edge import clock, config
from edge.messages import DriverView, Face, RoadView
from edge.vision.adapters import ORDER, Adapter, Runner, Seen
from edge.vision.adapters.face import eyes_visible
from edge.vision.picture import Picture
from edge.vision.sessions import Session, open_session
from edge.vision.zoo import Entry, ModelError, Zoo

_FAULTS = (
    ValueError, TypeError, LookupError, ArithmeticError, AttributeError, NameError, AssertionError,
    RuntimeError, cv2.error,
)  # fmt: skip
"""What an adapter raises, a user's own too, over numbers it was not written for or a slip of the pen."""


class Perception:
    """The models of one camera, loaded and warmed up.

    models: "name@first 8 of its SHA-256", in the order in which they run; notes: what a person should know,
    such as a provider that was asked for and is not used; stages: how long the parts of the last `see` took;
    trouble: which networks failed over that picture, "" if none did.
    """

    def __init__(self, camera: config.Camera, perception: config.Perception, zoo: Zoo | None = None) -> None:
        """Raises ModelError if a model is missing, wrong, unsuitable, or lacks what it needs of another."""
        # One more pool of threads per process would take the cores from the networks.
        cv2.setNumThreads(perception.threads)
        zoo = zoo or Zoo(also=perception.zoo)
        self._camera = camera
        names = _in_order(camera, zoo)
        self._sessions: list[Session] = []
        self._adapters: list[Adapter] = []
        notes: list[str] = []
        for name in names:
            session, adapter = load(name, zoo.locate(name, perception.directory), perception, zoo)
            self._sessions.append(session)
            self._adapters.append(adapter)
            notes += [f"model {name}: {note}" for note in session.notes]
        self._finds = [zoo.entry(name).finds for name in names]
        self.models = tuple(f"{name}@{zoo.entry(name).sha256[:8]}" for name in names)
        self.notes = tuple(notes)
        self.stages: dict[str, int] = {}
        self.trouble = ""
        grey = np.full((camera.height_px or 360, camera.width_px or 640, 3), 127, np.uint8)
        self.see(Picture(t_ns=0, frame_id=0, image=grey), 0)

    def see(self, picture: Picture, ready_ns: int | None = None) -> RoadView | DriverView:
        """What the networks see in a picture; t_ns of the view is ready_ns, or when it was ready.

        What a network that fails would have found is unknown. Raises ModelError if all fail, or the one that
        finds the face: of its view nobody could tell that from an empty seat.

        Afterwards `stages` holds, in ns, resize (up to the first network), run (all networks) and post (what
        is left: reading the outputs and, with several networks, preparing the others).
        """
        began_ns = clock.now_ns()
        for session in self._sessions:
            session.start_timing()
        seen = Seen()
        failed = []
        self.trouble = ""
        for name, finds, adapter in zip(self.models, self._finds, self._adapters, strict=True):
            try:
                with _blamed_on(name):
                    seen = adapter.see(picture, seen)
            except ModelError as error:
                failed.append(str(error))
                self.trouble = "; ".join(failed)
                if "face" in finds or len(failed) == len(self.models):
                    raise
        ended_ns = clock.now_ns()
        ran = [session for session in self._sessions if session.began_ns]
        run_ns = sum(session.run_ns for session in ran)
        resize_ns = ran[0].began_ns - began_ns if ran else 0
        self.stages = {"resize": resize_ns, "run": run_ns, "post": ended_ns - began_ns - run_ns - resize_ns}
        of_picture: dict[str, Any] = {
            "t_ns": ended_ns if ready_ns is None else ready_ns,
            "camera": self._camera.name,
            "taken_ns": picture.t_ns,
            "frame_id": picture.frame_id,
            "width_px": picture.width_px,
            "height_px": picture.height_px,
            "models": self.models,
        }
        if self._camera.role == "driver":
            return DriverView(**of_picture, face=seen.face and _only_visible_eyes(seen.face))
        return RoadView(
            **of_picture,
            detections=seen.detections,
            lanes=seen.lanes,
            free_space=seen.free_space,
            lights=seen.lights,
            signs=seen.signs,
        )


def load(name: str, path: Path, perception: config.Perception, zoo: Zoo) -> tuple[Session, Adapter]:
    """Open a model file and construct its adapter. Raises ModelError."""
    entry = zoo.entry(name)
    make = _adapter(name, zoo)
    session = open_session(path, perception, entry)
    with _blamed_on(name):
        return session, make(session, entry)


@contextlib.contextmanager
def _blamed_on(name: str) -> Iterator[None]:
    """What an adapter raises, such as numpy over numbers of another shape, becomes a ModelError."""
    try:
        yield
    except _FAULTS as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise ModelError(
            f"model {name}: its inputs or outputs are not those of its adapter: "
            f"{type(error).__name__}: {error} ({Path(where.filename).name}, line {where.lineno})"
        ) from error


def _adapter(name: str, zoo: Zoo) -> Callable[[Runner, Entry], Adapter]:
    """The class that a zoo names as "package.module:Class", or as "file.py:Class" beside the zoo file."""
    module_name, _, kind = zoo.entry(name).adapter.partition(":")
    try:
        if module_name.endswith(".py"):
            found = zoo.folder(name) / module_name
            spec = importlib.util.spec_from_file_location(found.stem, found)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        else:
            module = importlib.import_module(module_name)
        make: Callable[[Runner, Entry], Adapter] = getattr(module, kind)
    except (ImportError, OSError, SyntaxError, *_FAULTS) as error:
        raise ModelError(
            f"model {name}: its adapter {zoo.entry(name).adapter} cannot be loaded: "
            f"{type(error).__name__}: {error}"
        ) from None
    return make


def _in_order(camera: config.Camera, zoo: Zoo) -> list[str]:
    """The models of a camera in the order in which they must run."""
    if not camera.models:
        raise ModelError(f"camera {camera.name} has no models: list some of {', '.join(sorted(zoo.entries))}")
    found: dict[str, str] = {}
    for name in camera.models:
        entry = zoo.entry(name)
        if entry.role != camera.role:
            raise ModelError(
                f"model {name} is for a {entry.role} camera; {camera.name} is a {camera.role} camera"
            )
        # The eyes may be judged by two models, which are then combined.
        for what in entry.finds:
            if what in found and what != "eyes":
                raise ModelError(
                    f"camera {camera.name}: both {found[what]} and {name} look for {what}; keep one of them, "
                    "or write a table with fewer `finds` in a zoo of your own (docs/own-model.md)"
                )
            found[what] = name
    for name in camera.models:
        for need in zoo.entry(name).needs:
            if need not in found:
                finders = [other for other, entry in zoo.entries.items() if need in entry.finds]
                raise ModelError(
                    f"camera {camera.name}: model {name} needs a model that finds the {need}; "
                    f"add one of: {', '.join(finders)}"
                )
    return sorted(camera.models, key=lambda name: min(ORDER.index(what) for what in zoo.entry(name).finds))


def _only_visible_eyes(face: Face) -> Face:
    """Without a word about eyes that are turned away: they look shut."""
    if eyes_visible(face):
        return face
    return msgspec.structs.replace(face, left_eye_open=None, right_eye_open=None)
