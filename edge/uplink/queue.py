"""What waits to be sent, on disk: bounded, and still there after a kill.

One SQLite file in WAL mode, held by one process. An alarm is on the disk (fsync) when `put` returns; a
routine report survives a kill, and at worst the last few are lost when the power goes.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, TypeVar

Priority: TypeAlias = Literal["alarm", "routine"]
_RANKS: dict[Priority, int] = {"alarm": 0, "routine": 1}
_FORMAT = 1

T = TypeVar("T")


class QueueError(Exception):
    """The queue cannot be kept at that place; the text says where, why and what to do."""


class Report(NamedTuple):
    """One payload that waits. utc_ns: when what it tells happened."""

    id: int
    priority: Priority
    payload: bytes
    utc_ns: int


class DurableQueue:
    """Reports in the order in which they shall go: alarms before routine, older before newer.

    At most `limit` wait: when one more comes, the oldest routine one is dropped, an alarm only when there is
    nothing else. `dropped` counts them by priority, over restarts. `trouble` says in words what is wrong with
    the disk now, "" if nothing; `set_aside` where a corrupt file was put, None if there was none.
    Raises QueueError when the file cannot be opened at all.
    """

    def __init__(self, path: str | Path, limit: int) -> None:
        self._path = Path(path)
        self._limit = limit
        self._acked: set[int] = set()
        self.trouble = ""
        self.set_aside: Path | None = None
        self._lost: dict[Priority, int] = {"alarm": 0, "routine": 0}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._open()
        except (OSError, sqlite3.OperationalError) as error:
            raise QueueError(
                f"{self._path}: the queue of reports cannot be opened ({error}); make the folder writable, "
                "or stop the other process that uses it"
            ) from None

    def put(self, priority: Priority, payload: bytes, utc_ns: int) -> bool:
        """Keep one report. False when the disk refused it (`trouble` says why); it is counted as dropped."""

        def insert(db: sqlite3.Connection) -> bool:
            (depth,) = db.execute("SELECT count(*) FROM reports").fetchone()
            for _ in range(depth + 1 - self._limit):
                oldest = db.execute(
                    "SELECT id, rank FROM reports WHERE rank = (SELECT max(rank) FROM reports) "
                    "ORDER BY id LIMIT 1"
                ).fetchone()
                # a routine report is worth less than any alarm that waits
                if oldest is None or oldest[1] < _RANKS[priority]:
                    self._count_drop(db, _RANKS[priority])
                    return True
                db.execute("DELETE FROM reports WHERE id = ?", oldest[:1])
                self._count_drop(db, oldest[1])
            row = (_RANKS[priority], utc_ns, payload)
            db.execute("INSERT INTO reports (rank, utc_ns, payload) VALUES (?, ?, ?)", row)
            return True

        if self._transact(insert, otherwise=False, sync="FULL" if priority == "alarm" else "NORMAL"):
            return True
        self._lost[priority] += 1
        return False

    def peek(self, count: int = 1) -> list[Report]:
        """The next `count` reports, which stay in the queue until they are acknowledged."""

        def select(db: sqlite3.Connection) -> list[Report]:
            rows = db.execute(
                "SELECT id, rank, payload, utc_ns FROM reports ORDER BY rank, id LIMIT ?",
                (count + len(self._acked),),
            )
            waiting = [row for row in rows if row[0] not in self._acked]
            return [Report(i, "routine" if rank else "alarm", p, t) for i, rank, p, t in waiting[:count]]

        return self._transact(select, otherwise=[])

    def ack(self, report_id: int) -> None:
        """The platform has it: forget it. Not an error if it is gone already."""
        # kept until the delete succeeds: on a full disk a report must not be sent again and again
        self._acked.add(report_id)

        def delete(db: sqlite3.Connection) -> bool:
            db.executemany("DELETE FROM reports WHERE id = ?", [(i,) for i in self._acked])
            return True

        if self._transact(delete, otherwise=False):
            self._acked.clear()

    @property
    def depth(self) -> int:
        """How many wait."""

        def count(db: sqlite3.Connection) -> int:
            return db.execute("SELECT count(*) FROM reports").fetchone()[0]

        return max(self._transact(count, otherwise=0) - len(self._acked), 0)

    @property
    def dropped(self) -> dict[Priority, int]:
        """How many were dropped for want of room or disk since the file was begun."""

        def counts(db: sqlite3.Connection) -> dict[int, int]:
            return dict(db.execute("SELECT rank, dropped FROM counts").fetchall())

        nothing: dict[int, int] = {}
        kept = self._transact(counts, otherwise=nothing)
        return {name: kept.get(rank, 0) + self._lost[name] for name, rank in _RANKS.items()}

    def remember(self, name: str, value: bytes) -> None:
        """Keep a value beside the reports, for the next start."""

        def write(db: sqlite3.Connection) -> bool:
            db.execute("INSERT OR REPLACE INTO kept (name, value) VALUES (?, ?)", (name, value))
            return True

        self._transact(write, otherwise=False, sync="FULL")

    def recall(self, name: str) -> bytes | None:
        """What was remembered under that name."""

        def read(db: sqlite3.Connection) -> bytes | None:
            row = db.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
            return row[0] if row else None

        return self._transact(read, otherwise=None)

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()

    def _count_drop(self, db: sqlite3.Connection, rank: int) -> None:
        db.execute("UPDATE counts SET dropped = dropped + 1 WHERE rank = ?", (rank,))

    def _transact(self, work: Callable[[sqlite3.Connection], T], otherwise: T, sync: str = "NORMAL") -> T:
        """`work` in one transaction; `otherwise` when the disk is full or broken. A corrupt file is replaced
        by a new one, and `work` done on that."""
        for _ in range(2):
            try:
                self._db.execute(f"PRAGMA synchronous={sync}")
                with self._db:
                    self._db.execute("BEGIN")
                    result = work(self._db)
                self.trouble = ""
                return result
            except sqlite3.OperationalError as error:
                self.trouble = f"{self._path}: {error}; free some space on that disk"
                return otherwise
            except sqlite3.DatabaseError as error:
                if type(error) is not sqlite3.DatabaseError:  # the subclasses do not mean a corrupt file
                    raise
                try:
                    self._begin_anew()
                except (OSError, sqlite3.Error) as error:
                    self.trouble = f"{self._path}: corrupt, and no new one can be begun: {error}"
                    return otherwise
        return otherwise

    def _open(self) -> None:
        try:
            self._connect()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            self._begin_anew()

    def _connect(self) -> None:
        self._db = sqlite3.connect(self._path, timeout=2.0, isolation_level=None)
        try:
            # exclusive: two processes must not send the same reports
            self._db.execute("PRAGMA locking_mode=EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode=WAL")
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            (check,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
            if check != "ok" or found not in (0, _FORMAT):
                raise sqlite3.DatabaseError(f"{check}, format {found}")
            self._db.executescript(
                f"""BEGIN IMMEDIATE;
                CREATE TABLE IF NOT EXISTS reports (id INTEGER PRIMARY KEY AUTOINCREMENT,
                    rank INTEGER NOT NULL, utc_ns INTEGER NOT NULL, payload BLOB NOT NULL);
                CREATE INDEX IF NOT EXISTS by_rank ON reports (rank, id);
                CREATE TABLE IF NOT EXISTS counts (rank INTEGER PRIMARY KEY, dropped INTEGER NOT NULL);
                INSERT OR IGNORE INTO counts VALUES (0, 0), (1, 0);
                CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value BLOB NOT NULL);
                PRAGMA user_version = {_FORMAT};
                COMMIT;"""
            )
            self._db.execute("SELECT id, rank, utc_ns, payload FROM reports LIMIT 1")
        except sqlite3.Error:
            self._db.close()
            raise

    def _begin_anew(self) -> None:
        self.close()
        number = 1
        while (aside := self._path.with_name(f"{self._path.name}.corrupt-{number}")).exists():
            number += 1
        os.replace(self._path, aside)
        for tail in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self._path}{tail}", f"{aside}{tail}")
        self.set_aside = aside
        self._acked.clear()
        self._connect()
