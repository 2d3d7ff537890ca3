"""A drive as files that other programs read: CSV, JSON lines and pictures."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec

from edge.drives.reader import Drive
from edge.messages import Signals, Warning


def export_csv(drive: Drive, directory: Path) -> tuple[Path, ...]:
    """signals.csv, a row for each value, its cell empty for unknown, and warnings.csv; t_s from the start."""
    signals, warnings = directory / "signals.csv", directory / "warnings.csv"
    start_ns = drive.start_ns or 0
    with signals.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("t_s", "t_ns", "bus", "signal", "value"))
        for message in drive.messages(Signals):
            for name, value, t_ns in zip(message.names, message.values, message.stamps_ns, strict=True):
                rows.writerow((f"{(t_ns - start_ns) / 1e9:.6f}", t_ns, message.bus, name, value))
    with warnings.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("t_s", "t_ns", "name", "level", "active", "cause", "object", "values", "thresholds"))
        for warning in drive.messages(Warning):
            rows.writerow(
                (
                    f"{(warning.t_ns - start_ns) / 1e9:.6f}",
                    warning.t_ns,
                    warning.name,
                    warning.level,
                    int(warning.active),
                    warning.cause,
                    warning.object,
                    msgspec.json.encode(warning.values).decode(),
                    msgspec.json.encode(warning.thresholds).decode(),
                )
            )
    return signals, warnings


def export_json(drive: Drive, directory: Path) -> tuple[Path, ...]:
    """messages.jsonl: every input and output in order, each as {"topic", "number", "message"}."""
    path = directory / "messages.jsonl"
    with path.open("wb") as file:
        for record in drive.records("in/", "out/"):
            head = f'{{"topic":"{record.topic}","number":{record.number},"message":'.encode()
            file.write(head + record.data + b"}\n")
    return (path,)


def export_pictures(drive: Drive, directory: Path) -> tuple[Path, ...]:
    """A folder for each camera, a file for each picture, named by its time in ns and its number."""
    folders = []
    for camera in drive.cameras:
        folder = directory / camera.replace("/", "_")
        folder.mkdir(parents=True, exist_ok=True)
        for picture in drive.pictures(camera):
            ending = "png" if picture.format == "png" else "jpg"
            (folder / f"{picture.t_ns:019d}_{picture.frame_id:07d}.{ending}").write_bytes(picture.data)
        folders.append(folder)
    return tuple(folders)
