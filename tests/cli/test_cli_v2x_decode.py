"""icv v2x decode as a person meets it."""

import json
import random

import pytest

from edge import clock
from edge.cli.main import main
from edge.messages import PerceivedObjects, RemoteObject, RoadEvent, RoadEvents
from edge.sim.traffic import Traffic
from edge.v2x import csae53, etsi, network
from edge.v2x.bare import look
from edge.v2x.links.pcap import PcapWriter
from edge.v2x.moments import Now
from edge.v2x.network import Source

UTC_NS = 1_700_000_000_123_000_000
S = 1_000_000_000
TRAFFIC = Traffic(2, 39.9, 116.3)
CAR = RemoteObject(
    kind="car",
    latitude_deg=39.9,
    longitude_deg=116.3,
    speed_mps=20.0,
    heading_deg=90.0,
    brake_pressed=True,
    events=("hard_braking",),
)
SEEN = PerceivedObjects(
    objects=(
        RemoteObject(
            kind="car",
            id="4",
            latitude_deg=39.9001,
            longitude_deg=116.3001,
            speed_mps=3.0,
            heading_deg=10.0,
            confidence_ratio=0.9,
        ),
    )
)
EVENT = RoadEvent(id="1", kind="stationary_vehicle", latitude_deg=39.9, longitude_deg=116.3)
SOURCE = Source(
    station_type=5, address=0x1A2B, timestamp_ms=1, latitude=399_000_000, longitude=1_163_000_000, speed=2000
)


def messages(utc_ns=UTC_NS):
    """Of every kind that we can make: (standard, message, bytes)."""
    now = Now(utc_ns, utc_ns)
    cpm = etsi.cpm(SEEN, CAR, 77, now)
    return [
        ("csae53", "BSM", csae53.bsm(CAR, 0x1A2B, 3, now)),
        ("csae53", "RSM", csae53.rsm(SEEN, CAR, 0x1A2B, 3, now)),
        ("csae53", "RSI", csae53.rsi(RoadEvents(events=(EVENT,)), CAR, 0x1A2B, 3, now)),
        ("csae53", "MAP", csae53.map_data(TRAFFIC.crossing(), 3, now)),
        ("csae53", "SPAT", csae53.spat(TRAFFIC.signals(1.0, utc_ns), 3, now)),
        ("etsi", "CAM", etsi.cam(CAR, 77, now, True)),
        ("etsi", "CAM", etsi.cam(CAR, 77, now, True, release=2)),
        ("etsi", "DENM", etsi.denm(EVENT, CAR, 77, (77, 1), utc_ns, utc_ns, now)),
        ("etsi", "DENM", etsi.denm(EVENT, CAR, 77, (77, 1), utc_ns, utc_ns, now, release=2)),
        ("etsi", "CPM", cpm[0] if isinstance(cpm, list | tuple) else cpm),
        ("etsi", "VAM", etsi.vam(CAR, 77, now)),
        ("etsi", "MAPEM", etsi.mapem(TRAFFIC.crossing(), 77, now)),
        ("etsi", "SPATEM", etsi.spatem(TRAFFIC.signals(1.0, utc_ns), 77, now)),
    ]


def packed(standard, payload, secure=None):
    if standard == "csae53":
        return network.wrap_dsmp(payload, 111)
    return network.single_hop(payload, SOURCE, 2001, secure=secure)


def decode(capsys, *arguments):
    """Status, output and complaints."""
    try:
        status = main(["v2x", "decode", *map(str, arguments)])
    except SystemExit as end:
        status = end.code
    found = capsys.readouterr()
    return status, found.out, found.err


def decoded(capsys, *arguments):
    status, out, err = decode(capsys, *arguments, "--json")
    assert err == ""
    return status, [json.loads(line) for line in out.splitlines()]


def test_every_message_is_known_again_bare_and_packed(capsys, tmp_path):
    made = messages()
    packets = [packed(standard, payload) for standard, _, payload in made]
    recording = tmp_path / "packets.txt"
    lines = [p.hex() for _, _, p in made] + [p.hex(":") + "  # a comment" for p in packets]
    recording.write_text("# heard today, \u4eca\u5929\n\n" + "\n".join(lines) + "\n")
    status, found = decoded(capsys, recording)
    assert status == 0
    expected = [(standard, message) for standard, message, _ in made] * 2
    assert [(f["standard"], f["message"]) for f in found] == expected
    assert [f["where"] for f in found] == [f"{recording}:{n}" for n in range(3, 3 + len(expected))]
    for one in found:
        assert {"where", "security", "version", "sender", "counter", "content", "tree"} <= one.keys()
        assert one["security"]["trust"] == "unsigned"
    bare, carried = found[: len(made)], found[len(made) :]
    assert not any("network" in one for one in bare)
    assert {one["network"]["family"] for one in carried} == {"dsmp", "geonetworking"}
    assert [one["tree"] for one in bare] == [one["tree"] for one in carried]
    assert found[0]["tree"]["bsmFrame"]["safetyExt"] == {"events": ["eventHardBraking"]}
    assert found[0]["content"]["speed_mps"] == 20.0


def test_one_line_for_people_and_the_tree(capsys):
    status, out, _ = decode(capsys, packed("etsi", messages()[5][2]).hex())
    assert status == 0
    first, rest = out.split("\n", 1)
    for part in ("CAM, EN 302 637-2", "station 77", "39.900000 116.300000", "20.0 m/s", "heading 90 deg"):
        assert part in first
    for part in ("HARD BRAKING", "unsigned", "GeoNetworking single hop, port 2001", "octets"):
        assert part in first
    assert json.loads(rest)["header"]["stationID"] == 77


def test_area_and_hops_of_a_geobroadcast(capsys):
    payload = messages()[7][2]
    area = network.circle(39.9, 116.3, 300)
    packet = network.geo_broadcast(payload, SOURCE, 2002, area, 9)
    status, out, _ = decode(capsys, packet.hex())
    assert status == 0
    assert "GeoBroadcast, port 2002, 10 of 10 hops left, circle of 300 m at 39.900000 116.300000" in out
    assert "STATIONARY VEHICLE at 39.900000 116.300000" in out
    shown = decoded(capsys, packet.hex())[1][0]["network"]
    assert (shown["kind"], shown["sequence"], shown["area"]["a_m"]) == ("gbc", 9, 300)
    assert shown["source"]["address"] == "000000001a2b"
    assert shown["source"]["speed_mps"] == 20.0


def test_a_beacon_has_no_message(capsys):
    status, out, _ = decode(capsys, network.beacon(SOURCE).hex())
    assert status == 0
    assert "no message | unsigned | GeoNetworking beacon" in out


def test_hex_as_a_person_types_it(capsys):
    data = messages()[0][2].hex()
    pairs = [data[at : at + 2] for at in range(0, len(data), 2)]
    for words in ([" ".join(pairs)], pairs, [":".join(pairs)], ["0x" + data], [data.upper()]):
        status, found = decoded(capsys, *words)
        assert (status, [one["message"] for one in found]) == (0, ["BSM"])


def test_octets_of_one_packet_in_a_file(capsys, tmp_path):
    path = tmp_path / "one.bin"
    path.write_bytes(packed("csae53", messages()[0][2]))
    status, found = decoded(capsys, path)
    assert (status, found[0]["where"], found[0]["message"]) == (0, str(path), "BSM")


def test_a_capture_and_the_times_in_it(capsys, tmp_path):
    path = tmp_path / "drive.pcap"
    writer = PcapWriter(path)
    for n, (standard, _, payload) in enumerate(messages()):
        writer.write(UTC_NS + n * S, packed(standard, payload))
    writer.close()
    status, found = decoded(capsys, path)
    assert (status, len(found)) == (0, len(messages()))
    assert found[0]["where"] == f"{path}:1"
    assert abs(found[0]["content"]["measured_ns"] - UTC_NS) < S // 1000
    path.write_bytes(path.read_bytes()[:-5])
    status, out, _ = decode(capsys, path)
    assert status == 1
    assert out.splitlines()[-1].endswith("NOT READ: 1 that cannot be read: truncated")


def test_what_others_record_around_a_packet(capsys):
    cam = packed("etsi", messages()[5][2])
    ethernet = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x89\x47"
    for data in (cam[1:], ethernet + cam[1:]):
        assert decoded(capsys, data.hex())[1][0]["message"] == "CAM"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    pytest.importorskip("cryptography")
    from edge.v2x.security import Signer, load

    directory = tmp_path_factory.mktemp("keys")
    assert main(["v2x", "pki", str(directory), "--station", "one", "--station", "two", "--tickets", "1"]) == 0
    assert main(["v2x", "pki", str(directory / "others"), "--station", "other", "--tickets", "1"]) == 0
    utc_ns = clock.utc_ns()
    return directory, Signer(load(directory / "one", utc_ns)), utc_ns


def signed(signer, utc_ns, aid=36):
    payload = etsi.cam(CAR, 77, Now(utc_ns, utc_ns), True)
    place = (SOURCE.latitude, SOURCE.longitude)
    return packed("etsi", payload, lambda plain: signer.sign(plain, aid, Now(utc_ns, utc_ns), place))


def test_signed_packets_are_read_and_not_believed(keys, capsys):
    _, signer, utc_ns = keys
    packet = signed(signer, utc_ns)
    status, (one,) = decoded(capsys, packet.hex())
    assert (status, one["message"], one["sender"]) == (0, "CAM", "77")
    security = one["security"]
    assert (security["trust"], security["aid"]) == ("signed, not verified", 36)
    assert security["generated"] == clock.utc_text(utc_ns)
    assert one["network"]["port"] == 2001
    assert "signed, not verified (signer " in decode(capsys, packet.hex())[1]


def test_with_keys_they_are_verified_or_refused_by_name(keys, capsys, tmp_path):
    from edge.v2x.security import Signer, load

    directory, signer, utc_ns = keys
    signer.sign(b"", 36, Now(utc_ns, utc_ns))
    later_ns = utc_ns + 2 * S  # a certificate goes once a second
    path = tmp_path / "drive.pcap"
    good = signed(signer, later_ns)
    bad = bytearray(signed(signer, later_ns + S // 10))
    bad[-1] ^= 1
    writer = PcapWriter(path)
    packets = [good, good, bytes(bad), signed(signer, later_ns + 3 * S), packed("etsi", messages()[5][2])]
    for n, packet in enumerate(packets):
        writer.write(later_ns + n * S // 10, packet)
    writer.close()
    status, found = decoded(capsys, path, "--keys", directory / "two")
    assert status == 1
    trusts = [one["security"]["trust"] for one in found]
    assert trusts[0] == f"verified by {found[0]['security']['signer']}"
    assert trusts[1:] == ["refused: replayed", "refused: forged", "refused: future", "unsigned"]
    assert found[0]["security"]["certificate"]["id"] == found[0]["security"]["signer"]
    assert all(one["message"] == "CAM" for one in found)  # it is shown all the same
    out = decode(capsys, path, "--keys", directory / "others" / "other")[1]
    assert "REFUSED untrusted: " in out
    fresh = Signer(load(directory / "one", utc_ns))
    now = Now(clock.utc_ns(), clock.utc_ns())
    signed(fresh, now.utc_ns)
    digest_only = signed(fresh, now.utc_ns + S // 10)
    status, out, _ = decode(capsys, digest_only.hex(), "--keys", directory / "two")
    assert status == 1
    assert "REFUSED unknown signer: " in out
    for wrong in ("nosuch", "others/other/root.cert"):
        assert decode(capsys, path, "--keys", directory / wrong)[0] == 2


def test_what_is_wrong_is_said(capsys, tmp_path):
    status, out, _ = decode(capsys, "ffff")
    assert status == 1
    assert "first octet 0xff names no family that is known; nor is it a bare message" in out
    status, out, _ = decode(capsys, network.wrap_dsmp(b"\0", 1).hex())
    assert status == 1
    assert "NOT READ: " in out
    assert "DSMP, application 1" in out
    status, (one,) = decoded(capsys, network.wrap_dsmp(b"\0", 1).hex())
    assert (status, one["reason"], one["network"]["aid"]) == (1, "undecodable", 1)
    status, (one,) = decoded(capsys, "001f0400000000")  # a TIM, which is told by name
    assert (status, one["reason"]) == (1, "unsupported")
    assert "TIM" in one["error"]
    status, (one,) = decoded(capsys, bytes((2, 20, 0, 0, 0, 1, 0, 0)).hex())
    assert (status, one["reason"]) == (1, "unsupported")
    assert "MCM" in one["error"]
    damaged = tmp_path / "some.txt"
    damaged.write_text(f"hello\n{messages()[0][2].hex()}\nabc\n")
    status, found = decoded(capsys, damaged)
    assert status == 1
    assert [one.get("message") for one in found] == [None, "BSM", None]
    assert "not hex: hello" in found[0]["error"]


@pytest.mark.parametrize("content", [None, b"", b"# nothing\n\n", b"\0" * 200_000])
def test_nothing_there(content, capsys, tmp_path):
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    status, out, err = decode(capsys, path)
    assert (status, out) == (2, "")
    assert str(path)[-40:] in err or "file" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("words", [["abc"], ["hello"], [""], ["/"], ["x" * 5000], []])
def test_no_packets(words, capsys):
    status, out, err = decode(capsys, *words)
    assert (status, out) == (2, "")
    assert err


def test_mutated_octets_give_a_reading_or_a_reason():
    dice = random.Random(7)
    made = messages()
    for _ in range(3000):
        standard, _, payload = dice.choice(made)
        data = bytearray(payload if dice.random() < 0.5 else packed(standard, payload))
        for _ in range(dice.choice((1, 2, 8))):
            data[dice.randrange(len(data))] = dice.randrange(256)
        if dice.random() < 0.3:
            del data[dice.randrange(len(data)) :]
        found = look(bytes(data), UTC_NS)
        assert found.heard or found.packet or found.error
        assert found.heard is None or found.error is None


def test_bare_messages_are_never_taken_for_something_else():
    dice = random.Random(8)
    for _ in range(300):
        utc_ns = UTC_NS + dice.randrange(365 * 86_400 * S)
        now = Now(utc_ns, utc_ns)
        car = RemoteObject(
            kind="car",
            latitude_deg=dice.uniform(-80, 80),
            longitude_deg=dice.uniform(-179, 179),
            speed_mps=dice.uniform(0, 60),
            heading_deg=dice.uniform(0, 359),
        )
        number = dice.randrange(1 << 32)
        for message, data in (
            ("BSM", csae53.bsm(car, dice.randrange(1 << 64), dice.randrange(128), now)),
            ("CAM", etsi.cam(car, number, now, dice.random() < 0.5)),
            ("VAM", etsi.vam(car, number, now)),
            ("DENM", etsi.denm(EVENT, car, number, (number, 1), utc_ns, utc_ns, now)),
        ):
            found = look(data, utc_ns)
            assert found.heard is not None
            assert (found.heard.message, found.packet) == (message, None)
            assert found.heard.tree
