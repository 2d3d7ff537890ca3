"""Independent opinions about what transport frames say: can-isotp's stack and Wireshark's dissectors."""

import shutil
import struct
import subprocess

import pytest

from edge.can.frames import EXTENDED, FD, KEY_EXTENDED, frames

MS = 1_000_000


def heard(rows, start_ns=0, step_ns=MS):
    """Frames of (key, data) or (key, data, t_ns), one each ms unless told otherwise."""
    stamps = [row[2] if len(row) > 2 else start_ns + i * step_ns for i, row in enumerate(rows)]
    return frames(
        stamps,
        [row[0] & 0x1FFFFFFF for row in rows],
        [(EXTENDED if row[0] & KEY_EXTENDED else 0) | (FD if len(row[1]) > 8 else 0) for row in rows],
        [0] * len(rows),
        [bytes(row[1]) for row in rows],
    )


def isotp_exchange(payloads, key=0x7E8, partner=0x7E0, *, fd=False, target=None, block=4, mixed=None):
    """The frames, with both sides' flow control, by which can-isotp sends these payloads."""
    isotp = pytest.importorskip("isotp")
    extended = bool(key & KEY_EXTENDED)
    id_of = lambda k: k & 0x1FFFFFFF  # noqa: E731
    modes = isotp.AddressingMode
    if target is not None:
        mode = modes.Extended_29bits if extended else modes.Extended_11bits
        more = ({"target_address": target, "source_address": 0xF1},) * 2
        more = (more[0], {"target_address": 0xF1, "source_address": target})
    elif mixed is not None:
        mode, more = modes.Mixed_11bits, ({"address_extension": mixed},) * 2
    else:
        mode, more = (modes.Normal_29bits if extended else modes.Normal_11bits), ({}, {})
    rows, to_sender, to_receiver = [], [], []
    params = {"stmin": 0, "blocksize": block, "tx_data_length": 64 if fd else 8, "can_fd": fd}
    params |= {"tx_padding": 0xAA, "max_frame_size": 1 << 20}

    def stack(inbox, outbox, own, other, extra):
        def send(message):
            rows.append((message.arbitration_id | (KEY_EXTENDED if extended else 0), bytes(message.data)))
            outbox.append(message)

        address = isotp.Address(mode, txid=id_of(own), rxid=id_of(other), **extra)
        return isotp.TransportLayerLogic(
            rxfn=lambda timeout: inbox.pop(0) if inbox else None,
            txfn=send,
            address=address,
            params=params,
            error_handler=lambda error: pytest.fail(f"the judge: {error!r}"),
        )

    sender = stack(to_sender, to_receiver, key, partner, more[0])
    receiver = stack(to_receiver, to_sender, partner, key, more[1])
    received = []
    for payload in payloads:
        sender.send(payload)
        for _ in range(20 + len(payload)):
            sender.process(0)
            receiver.process(0)
            if receiver.available():
                received.append(bytes(receiver.recv()))
                break
    assert received == list(payloads)
    return rows


def tshark(tmp_path, found, options, fields):
    """What Wireshark reads in these frames: a list of the fields of each frame that has the first."""
    if shutil.which("tshark") is None:
        pytest.skip("no tshark")
    path = tmp_path / "frames.pcap"
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 227))  # times in ns, SocketCAN
        for i, key in enumerate(found.keys().tolist()):
            data, t_ns = found.payload(i), int(found.t_ns[i])
            fd = bool(found.flags[i] & FD)
            raw = struct.pack(">IBB2x", key, len(data), 4 if fd else 0) + data
            out.write(struct.pack("<IIII", t_ns // 10**9, t_ns % 10**9, len(raw), len(raw)) + raw)
    command = ["tshark", "-r", str(path), *options, "-T", "fields", "-E", "separator=|"]
    for field in fields:
        command += ["-e", field]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("|") for line in said.stdout.splitlines()]
    return [row for row in rows if row[0]]
