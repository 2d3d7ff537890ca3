"""A file of known size and hash from an https address, through bad lines and broken tries, or a directory."""

from __future__ import annotations

import http.client
import re
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from tqdm import tqdm

from edge.vision.zoo import hash_of

TIMEOUT_S = 30.0
"""For the connection and for each read."""

PAUSES_S = (1.0, 4.0)
"""Before the second and the third try; a try that brought something does not count."""

BLOCK = 1 << 16


class DownloadError(Exception):
    """What could not be brought; the text says from where, why, what was kept, and what to do."""


class _TryAgainError(Exception):
    """Trouble on the way, that may be over soon."""


class _HttpsAlone(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str) -> Any:
        if not newurl.startswith("https://"):
            raise DownloadError(f"{req.full_url} sends us on to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(
    address: str,
    to: Path,
    size: int,
    sha256: str,
    show: str | None = None,
    wait: Callable[[float], Any] | None = None,
) -> None:
    """Bring the file at `address` to `to`; until it is whole and right it is `to` with ".part" added.

    A part that an earlier try left is gone on with; should it be of another file, the hash tells, and all is
    fetched once more. What is not the file of that size and hash is removed.
    show: a name for a progress bar; wait: how a pause of so many seconds is made. Raises DownloadError and
    OSError (the disk).
    """
    if not address.startswith("https://"):
        raise DownloadError(f"the address {address} is not https")
    wait = wait or threading.Event().wait
    part = _part(to)
    pauses = list(PAUSES_S)
    resumed = part.exists()
    while True:
        had = _size(part)
        try:
            if had != size:
                _go_on(address, part, size, show)
        except _TryAgainError as error:
            has = _size(part)
            if has <= had:
                if not pauses:
                    raise DownloadError(_gave_up(address, error, has, size)) from None
                wait(pauses.pop(0))
            continue
        found = hash_of(part)
        if found == sha256:
            part.replace(to)
            return
        part.unlink()
        if not resumed:
            raise DownloadError(f"refused: {address} gave a file with SHA-256 {found}, expected {sha256}")
        resumed = False  # the old part may have been of another file: once more, from the start


def copy(source: Path, to: Path, size: int, sha256: str) -> None:
    """The same from a file. Raises DownloadError and OSError."""
    part = _part(to)
    try:
        with source.open("rb") as incoming, part.open("wb") as out:
            _copy(incoming, out, size + 1, None)  # a byte too many is enough to know that it is another file
        found = hash_of(part)
        if found != sha256:
            raise DownloadError(f"refused: {source} is a file with SHA-256 {found}, expected {sha256}")
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


def _part(to: Path) -> Path:
    to.parent.mkdir(parents=True, exist_ok=True)
    return to.with_name(to.name + ".part")


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _go_on(address: str, part: Path, size: int, show: str | None) -> None:
    """Ask for what is missing of a part, and add it. Raises _TryAgainError, keeping what came."""
    had = _size(part)
    request = urllib.request.Request(address, headers={"User-Agent": "icv-edge"})
    if 0 < had < size:
        request.add_header("Range", f"bytes={had}-")
    else:
        had = 0
    try:
        with urllib.request.build_opener(_HttpsAlone).open(request, timeout=TIMEOUT_S) as response:
            if response.status == 206 and had:
                had = _continues(response.headers.get("Content-Range"), had, size)
            elif response.status == 200:
                had = 0  # it does not know of parts, and sends all
            else:
                raise DownloadError(f"{address} answers {response.status} {response.reason}")
            promised = response.headers.get("Content-Length")
            if had == 0 and promised is not None and promised != str(size):
                part.unlink(missing_ok=True)
                raise DownloadError(f"refused: {address} promises {promised} bytes, expected {size}")
            with (
                part.open("ab" if had else "wb") as out,
                tqdm(
                    total=size,
                    initial=had,
                    unit="B",
                    unit_scale=True,
                    desc=show,
                    disable=True if show is None else None,  # None: on a terminal only
                    leave=False,
                ) as bar,
            ):
                if had:
                    out.truncate(had)
                _copy(response, out, size + 1 - had, bar)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # our part is not a part of what it has
            part.unlink(missing_ok=True)
        elif error.code < 500 and error.code not in (408, 429):
            raise DownloadError(_not_there(address, error)) from None
        raise _TryAgainError(f"it answers {error.code} {error.reason}") from None
    except urllib.error.URLError as error:
        raise _TryAgainError(str(error.reason)) from None
    except (TimeoutError, ConnectionError, ssl.SSLError, http.client.HTTPException) as error:
        raise _TryAgainError(str(error) or type(error).__name__) from None
    has = _size(part)
    if has > size:
        part.unlink()
        raise DownloadError(f"refused: {address} sends more than the {size} bytes that it should")
    if has < size:
        raise _TryAgainError(f"the connection ended after {has} of {size} bytes")


def _continues(said: str | None, had: int, size: int) -> int:
    """Where the answer goes on: at our part's end, if it is about a file of the right size."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", said or "")
    if not found or int(found[1]) != had or int(found[3]) != size:
        raise DownloadError(f"asked for bytes {had} to {size - 1} of {size}, it answers {said!r}")
    return had


def _copy(incoming: BinaryIO, out: BinaryIO, at_most: int, bar: Any) -> None:
    while at_most > 0 and (block := incoming.read(min(BLOCK, at_most))):
        out.write(block)
        at_most -= len(block)
        if bar is not None:
            bar.update(len(block))


def _gave_up(address: str, error: Exception, has: int, size: int) -> str:
    kept = f"; {has} of {size} bytes are kept, the same command goes on from there" if has else ""
    return (
        f"cannot be fetched from {address}: {error}{kept}; without internet: fetch it on another machine and "
        f"bring it with --from DIR"
    )


def _not_there(address: str, error: urllib.error.HTTPError) -> str:
    return (
        f"cannot be fetched: {address} answers {error.code} {error.reason}; find the file elsewhere (its "
        f"SHA-256 tells whether it is the right one) and give its directory with --from DIR"
    )
