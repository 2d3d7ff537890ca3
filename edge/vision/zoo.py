"""models/zoo.toml: which models there are, where they come from, and that they are what they say."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge import config


class ModelError(config.UserError):
    """A model that cannot be used; the text says which, why, and what to do."""


Finding = Literal[
    "objects", "lanes", "road", "lights", "light_state", "signs", "sign_kind",
    "face", "landmarks", "head", "eyes", "gaze",
]  # fmt: skip
"""What a model can find, in the order in which models run."""


class Entry(config.Section, frozen=True, kw_only=True):
    """One model; the keys are explained at the top of models/zoo.toml."""

    file: str
    sha256: str
    bytes: int
    role: Literal["road", "driver"]
    finds: Annotated[tuple[Finding, ...], msgspec.Meta(min_length=1)]
    needs: tuple[Finding, ...] = ()
    adapter: str
    input: str
    inputs: dict[str, tuple[int, ...]]
    scale: float | tuple[float, float, float] = 1.0
    offset: float | tuple[float, float, float] = 0.0
    rgb: bool = False
    pad: int = 0
    outputs: dict[str, tuple[int, ...]]
    kinds: tuple[str, ...] = ()
    layout: Literal["v5", "v8", "nms"] | None = None
    min_score: float = 0.5
    address: str | None = None
    made_from: str | None = None
    origin: str = ""
    licence_code: str
    licence_weights: str
    training_data: str = "not stated"
    limits: str = ""
    own: bool = False


class Zoo:
    """The entries of the zoo files by name, and where their files are."""

    def __init__(self, path: Path | None = None, also: str | Path | None = None) -> None:
        """Read the shipped zoo, or the file `path`, and after it `also`, a user's own zoo, which adds to it.

        Raises config.ConfigError.
        """
        self.path = path or config.shipped("models/zoo.toml")
        self._downloads = path.parent / "public" if path else config.downloads()
        self.entries = config.read(self.path, dict[str, Entry])
        self._written_in = dict.fromkeys(self.entries, self.path)
        if also is not None:
            theirs = Path(also).expanduser()
            added = config.read(theirs, dict[str, Entry])
            for name in added:
                if name in self.entries:
                    raise config.ConfigError(
                        f"{theirs}: [{name}] is already in {self.path}; give it another name"
                    )
            self.entries |= added
            self._written_in |= dict.fromkeys(added, theirs)

    def folder(self, name: str) -> Path:
        """Of the zoo file that names a model."""
        return self._written_in[name].parent

    def entry(self, name: str) -> Entry:
        """The entry of that name. Raises ModelError with the names there are."""
        if name not in self.entries:
            raise ModelError(
                f"no model {name!r} in {self.path}; there are: {', '.join(sorted(self.entries))}"
            )
        return self.entries[name]

    def place(self, name: str, directory: str | None = None) -> Path:
        """Where the file of a model is or should be: `own` beside its zoo file, others in `directory`."""
        entry = self.entry(name)
        if entry.own:
            return self.folder(name) / entry.file
        return (Path(directory).expanduser() if directory else self._downloads) / entry.file

    def locate(self, name: str, directory: str | None = None) -> Path:
        """The file of a model, its hash checked. Raises ModelError, with how to get it."""
        entry, path = self.entry(name), self.place(name, directory)
        try:
            stat = path.stat()
            found = _sha256(path, stat.st_size, stat.st_mtime_ns)
        except OSError as error:
            raise ModelError(
                f"model {name}: {path} cannot be read: {error.strerror}; {how_to_get(name, entry)}"
            ) from None
        if found != entry.sha256:
            raise ModelError(
                f"model {name}: {path} is not the file of the zoo: SHA-256 {found}, expected {entry.sha256}; "
                f"remove it, then {how_to_get(name, entry)}"
            )
        return path

    def fetch(
        self, name: str, to: str | None = None, source: Path | None = None, show_progress: bool = False
    ) -> Path:
        """Bring a model from its public address, or from the directory `source`, to where `locate` looks.

        What an interrupted try brought is kept and gone on with; a file with another hash is refused and
        leaves nothing behind. Returns the path; a file that is already there and right is left alone.
        Raises ModelError.
        """
        # Imported here: it costs 50 ms, which no start of a network should pay.
        from edge.vision import download

        entry, path = self.entry(name), self.place(name, to)
        if path.is_dir():
            raise ModelError(f"model {name}: {path} is a directory, where its file should be: remove it")
        if path.exists() and _sha256(path, path.stat().st_size, path.stat().st_mtime_ns) == entry.sha256:
            return path
        if entry.own:
            raise ModelError(f"model {name} is our own and comes with the program, but {path} is not right")
        if entry.made_from is not None:
            return self._make(entry, path, self.fetch(entry.made_from, to, source, show_progress))
        try:
            if source is not None:
                if not (source / entry.file).is_file():
                    raise ModelError(f"model {name}: {source} holds no file {entry.file}")
                download.copy(source / entry.file, path, entry.bytes, entry.sha256)
            elif entry.address is not None:
                show = name if show_progress else None
                download.download(entry.address, path, entry.bytes, entry.sha256, show)
            else:
                raise ModelError(
                    f"model {name} has no public address: {entry.origin}; {how_to_get(name, entry)}"
                )
        except download.DownloadError as error:
            raise ModelError(f"model {name}: {error}") from None
        except OSError as error:
            raise ModelError(
                f"model {name}: cannot be brought to {path}: {error.strerror or error}"
            ) from None
        return path

    def _make(self, entry: Entry, path: Path, origin: Path) -> Path:
        """Write a model that is another with other sizes. Raises ModelError."""
        from edge.vision.resize import resized

        made = resized(origin.read_bytes(), entry)
        if (found := hashlib.sha256(made).hexdigest()) != entry.sha256:
            raise ModelError(
                f"{entry.file}: what this machine's onnx makes of {origin} has SHA-256 {found}, expected "
                f"{entry.sha256}; another version of onnx may do: pip install --upgrade onnx"
            )
        try:
            path.write_bytes(made)
        except OSError as error:
            raise ModelError(f"{path}: cannot be written: {error.strerror}") from None
        return path


def brings(name: str, entry: Entry) -> str:
    """What comes with a model, said before it is brought."""
    return (
        f"{name}: {entry.bytes / 1e6:.1f} MB; licence of the code {entry.licence_code}, of the weights "
        f"{entry.licence_weights}; trained on: {entry.training_data}"
    )


def how_to_get(name: str, entry: Entry) -> str:
    """What a person does to get the file of a model, as the end of a sentence."""
    if entry.own:
        return "it belongs beside the zoo file; what comes with the program comes back when installed again"
    if entry.address or entry.made_from:
        return f"get it with: icv models fetch {name}"
    return f"get it with: icv models fetch {name} --from DIR, where DIR holds {entry.file}"


def hash_of(path: Path) -> str:
    """SHA-256 of a file, as hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


@functools.lru_cache
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    """The hash of a file, computed once for each state of it."""
    return hash_of(path)
