"""A fleet platform for tests: its own decoder and encoder of JT/T 808, written from the standard's tables,
sharing nothing with the program. It can be told to misbehave."""

import socket
import threading


def unwrap(piece: bytes) -> bytes:
    """Between two 7E: what was there before escaping; asserts the checksum."""
    out, at = [], 0
    while at < len(piece):
        if piece[at] == 0x7D:
            out.append({1: 0x7D, 2: 0x7E}[piece[at + 1]])
            at += 2
        else:
            out.append(piece[at])
            at += 1
    check = 0
    for byte in out[:-1]:
        check ^= byte
    assert check == out[-1], f"checksum of {piece.hex()}"
    return bytes(out[:-1])


def wrap(content: bytes) -> bytes:
    check = 0
    for byte in content:
        check ^= byte
    out = [0x7E]
    for byte in [*content, check]:
        out += {0x7D: [0x7D, 1], 0x7E: [0x7D, 2]}.get(byte, [byte])
    return bytes([*out, 0x7E])


def number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def read_message(content: bytes) -> dict:
    """Header and body, by the offsets of the 2013 and 2019 tables."""
    properties = number(content, 2, 2)
    assert properties & 0b1011_1100_0000_0000 == 0, "no encryption, no sub-package, reserved bit 0"
    if properties & 0x4000:
        assert content[4] == 1
        message = {"version": 2019, "phone": content[5:15].hex(), "serial": number(content, 15, 2)}
        body = content[17:]
    else:
        message = {"version": 2013, "phone": content[4:10].hex(), "serial": number(content, 10, 2)}
        body = content[12:]
    assert len(body) == properties & 0x3FF
    return {**message, "id": number(content, 0, 2), "body": body}


def read_location(body: bytes) -> dict:
    items, at = {}, 28
    while at < len(body):
        items[body[at]] = body[at + 2 : at + 2 + body[at + 1]]
        assert len(items[body[at]]) == body[at + 1]
        at += 2 + body[at + 1]
    return {
        "alarm": number(body, 0, 4),
        "status": number(body, 4, 4),
        "latitude": number(body, 8, 4),
        "longitude": number(body, 12, 4),
        "altitude": number(body, 16, 2),
        "speed": number(body, 18, 2),
        "heading": number(body, 20, 2),
        "time": body[22:28].hex(),
        "items": items,
    }


def read_alarm(item: bytes) -> dict:
    """Item 0x64 or 0x65 of T/JSATL 12: the head as bytes, the tail by name."""
    assert len(item) == 47
    return {
        "id": number(item, 0, 4),
        "flag": item[4],
        "type": item[5],
        "level": item[6],
        "rest": item[7:12],
        "speed": item[12],
        "altitude": number(item, 13, 2),
        "latitude": number(item, 15, 4),
        "longitude": number(item, 19, 4),
        "time": item[23:29].hex(),
        "status": number(item, 29, 2),
        "terminal": item[31:38].rstrip(b"\0"),
        "sign_time": item[38:44].hex(),
        "sequence": item[44],
        "attachments": item[45],
        "reserved": item[46],
    }


class Platform:
    """One platform over all connections: `hear` takes bytes and gives what it says, or None to hang up.

    hangs_up_on: at the n-th location report that arrives (1, 2, ...), before it is kept. forgets_to_answer:
    kept, but not answered, and then it hangs up. silent_on: kept neither nor answered. results: what it says
    to the n-th report instead of 0. wrong: what it says falsely before each right answer.
    """

    CODE = b"\x7e\x7d code"

    def __init__(self) -> None:
        self.codes = set()
        self.messages = []  # all that came, in order
        self.kept = []  # bodies of reports that it has taken, in order
        self.registration_result = 0
        self.hangs_up_on = set()
        self.forgets_to_answer = set()
        self.silent_on = set()
        self.results = {}
        self.wrong = ()
        self.connections = 0
        self._serial = 0
        self._reports = 0

    def connect(self) -> None:
        self.connections += 1
        self._tail = b""
        self._known = False

    def hear(self, data: bytes) -> "tuple[bytes, bool]":
        """(what it says, whether it hangs up then)."""
        *pieces, self._tail = (self._tail + data).split(b"\x7e")
        said = b""
        for piece in filter(None, pieces):
            message = read_message(unwrap(piece))
            self.messages.append(message)
            answer, leaves = self._act(message)
            said += answer
            if leaves:
                return said, True
        return said, False

    def say(self, to: dict, message_id: int, body: bytes) -> bytes:
        self._serial += 1
        phone = bytes.fromhex(to["phone"])
        if to["version"] == 2019:
            head = message_id.to_bytes(2, "big") + (0x4000 | len(body)).to_bytes(2, "big") + b"\1" + phone
        else:
            head = message_id.to_bytes(2, "big") + len(body).to_bytes(2, "big") + phone
        return wrap(head + self._serial.to_bytes(2, "big") + body)

    def _answer(self, to: dict, result: int) -> bytes:
        serial, kind = to["serial"].to_bytes(2, "big"), to["id"].to_bytes(2, "big")
        right = self.say(to, 0x8001, serial + kind + bytes([result]))
        wrongs = {
            "noise": b"\x00\x01 noise \x7e",
            "cut": right[:9],
            "checksum": right[:-3] + bytes([right[-3] ^ 1]) + right[-2:],
            "serial": self.say(to, 0x8001, ((to["serial"] + 77) % 65536).to_bytes(2, "big") + kind + b"\0"),
            "id": self.say(to, 0x8001, serial + b"\x09\x00" + b"\0"),
            "stranger": self.say({**to, "phone": "9" * len(to["phone"])}, 0x8001, serial + kind + b"\0"),
            "short": self.say(to, 0x8001, serial),
            "twice": right,
        }
        return b"".join(wrongs[name] for name in self.wrong) + right

    def _act(self, message: dict) -> "tuple[bytes, bool]":
        kind, body = message["id"], message["body"]
        if kind == 0x0100:
            serial = message["serial"].to_bytes(2, "big")
            if self.registration_result:
                return self.say(message, 0x8100, serial + bytes([self.registration_result])), False
            self.codes.add(self.CODE)
            return self.say(message, 0x8100, serial + b"\0" + self.CODE), False
        if kind == 0x0102:
            code = body[1 : 1 + body[0]] if message["version"] == 2019 else body
            assert message["version"] == 2013 or len(body) == 1 + body[0] + 15 + 20
            self._known = code in self.codes
            return self._answer(message, 0 if self._known else 1), False
        assert self._known, f"0x{kind:04X} before the authentication"
        if kind == 0x0001:
            return b"", False
        if kind == 0x0200:
            self._reports += 1
            n = self._reports
            if n in self.hangs_up_on:
                return b"", True
            if n in self.silent_on:
                return b"", False
            result = self.results.get(n, 0)
            if result in (0, 4):
                self.kept.append(body)
            return (b"", True) if n in self.forgets_to_answer else (self._answer(message, result), False)
        return self._answer(message, 0), False


class PlatformLink:
    """A connection to a Platform in memory, at most `chunk` bytes at a time in each direction."""

    def __init__(self, platform: Platform, chunk: int = 1 << 16) -> None:
        self.why = ""
        self._platform = platform
        self._chunk = chunk
        self._said = b""
        self._state = "open"
        self._leaves = False
        platform.connect()

    def state(self) -> str:
        return self._state

    def send(self, data: bytes) -> int:
        if self._state == "open" and not self._leaves:
            said, self._leaves = self._platform.hear(data[: self._chunk])
            self._said += said
        return min(len(data), self._chunk)

    def push(self, data: bytes) -> None:
        self._said += data

    def receive(self) -> bytes:
        data, self._said = self._said[: self._chunk], self._said[self._chunk :]
        if not data and self._leaves:
            self._state, self.why = "closed", "the platform closed the connection"
        return data

    def close(self) -> None:
        self._state = "closed"


class NoLink:
    """An attempt to connect that fails."""

    why = "Connection refused"

    def state(self) -> str:
        return "closed"

    def send(self, data: bytes) -> int:
        return 0

    def receive(self) -> bytes:
        return b""

    def close(self) -> None:
        pass


class TcpPlatform:
    """A Platform behind a real socket on this machine, one connection at a time."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.error = None
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(0.1)
        self.port = self._server.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._server.close()
        assert self.error is None, self.error

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                peer, _ = self._server.accept()
            except TimeoutError:
                continue
            with peer:
                peer.settimeout(0.1)
                self.platform.connect()
                self._talk(peer)

    def _talk(self, peer: socket.socket) -> None:
        while not self._over.is_set():
            try:
                data = peer.recv(7)  # frames arrive in pieces
                said, leaves = self.platform.hear(data)
                peer.sendall(said)
            except TimeoutError:
                continue
            except AssertionError as error:
                self.error = error
                return
            except OSError:
                return
            if leaves or not data:
                return
