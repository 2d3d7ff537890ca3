"""The codecs: printed examples and sizes, tables by hand, round trips, and bytes that are nothing."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platform_808 import read_alarm, read_location, read_message, unwrap, wrap

from edge.uplink import jsatl12
from edge.uplink.jt808 import (
    MAX_FRAME,
    Authentication,
    Frame,
    GeneralAnswer,
    Jt808Error,
    Location,
    Registration,
    RegistrationAnswer,
    Splitter,
    Status,
    decode_authentication,
    decode_frame,
    decode_general_answer,
    decode_location,
    decode_registration,
    decode_registration_answer,
    encode_authentication,
    encode_frame,
    encode_general_answer,
    encode_location,
    encode_registration,
    encode_registration_answer,
    encode_time,
    escape,
    unescape,
)

T = 1_764_000_000_000_000_000  # 2025-11-24 16:00:00 UTC: the 25th, 00:00:00, in GMT+8

words = st.integers(0, 65535)
gbk = st.text(st.sampled_from("AZ09 测试京粤苏·"), max_size=8).map(lambda s: s.strip())
versions = st.sampled_from([2013, 2019])


@st.composite
def frames(draw):
    version = draw(versions)
    digits = 20 if version == 2019 else 12
    return Frame(
        message_id=draw(words),
        phone="".join(draw(st.lists(st.sampled_from("0123456789"), min_size=digits, max_size=digits))),
        serial=draw(words),
        body=draw(st.binary(max_size=120) | st.sampled_from([b"\x7d", b"\x7e\x7d\x02\x01" * 9, bytes(1023)])),
        version=version,
        revision=draw(st.integers(0, 255)) if version == 2019 else 1,
        encryption=draw(st.integers(0, 7)),
        part=draw(st.none() | st.tuples(words, words)),
    )


def test_the_printed_example_of_escaping():
    assert escape(bytes.fromhex("307E087D55")) == bytes.fromhex("307D02087D0155")
    assert unescape(bytes.fromhex("307D02087D0155")) == bytes.fromhex("307E087D55")


def test_a_heartbeat_put_together_by_hand():
    wire = bytes.fromhex("7E 0002 0000 013912345678 0001 33 7E")
    frame = Frame(message_id=2, phone="013912345678", serial=1, version=2013)
    assert encode_frame(frame) == wire
    assert Splitter().feed(wire) == [frame]


def test_a_2019_header_put_together_by_hand():
    wire = encode_frame(Frame(message_id=0x0102, phone="13912345678", serial=0x0203, body=b"AB"))
    assert wire[:-2] == bytes.fromhex("7E 0102 4002 01 00000000013912345678 0203 4142")


def location(items=()):
    return Location(latitude_deg=31.2, longitude_deg=121.4, utc_ns=T, items=items)


def scene(**changes):
    return jsatl12.Scene(terminal_id="ABC1234", utc_ns=T, sequence=0, **changes)


ADAS = jsatl12.AdasAlarm(alarm_id=1, kind=1, level=1, scene=scene())
DSM = jsatl12.DsmAlarm(alarm_id=2, kind=1, level=1, scene=scene())


def test_sizes_on_the_wire_without_escapes():
    """43 bytes for 2013 without an item, 92 with 0x64 (both seen at a running peer); 2019 with both: the
    header is 5 longer, each item 2 + 47."""
    adas, dsm = (0x64, jsatl12.encode_adas(ADAS)), (0x65, jsatl12.encode_dsm(DSM))

    def size(version, *items):
        frame = Frame(
            message_id=0x0200, phone="1", serial=1, body=encode_location(location(items)), version=version
        )
        wire = encode_frame(frame)
        return len(wire) - wire.count(0x7D)  # without what escaping added

    assert (size(2013), size(2013, adas), size(2019, adas, dsm)) == (43, 92, 43 + 5 + 2 * 49)


@pytest.mark.parametrize(("version", "size"), [(2013, 37), (2019, 76)])
def test_registration_offsets(version, size):
    registration = Registration(
        province=32, city=100, manufacturer="ICV01", model="edge", terminal_id="ABC1234", plate_colour=2,
        plate="苏A12345",
    )  # fmt: skip
    body = encode_registration(registration, version)
    assert body[size:] == "苏A12345".encode("gbk")
    assert body[size - 1] == 2
    assert body[:9] == bytes.fromhex("0020 0064") + b"ICV01"
    at_model, at_terminal = (9, 29) if version == 2013 else (15, 45)
    assert body[at_model : at_model + 5] == b"edge\0"
    assert body[at_terminal : at_terminal + 7] == b"ABC1234"
    assert decode_registration(body, version) == registration


def test_registration_refuses_what_does_not_fit():
    fields = {"province": 1, "city": 1, "manufacturer": "", "model": "", "plate_colour": 1, "plate": ""}
    with pytest.raises(Jt808Error, match=r"terminal id .* 8 bytes, 7 are possible"):
        encode_registration(Registration(terminal_id="ABCDEFGH", **fields), 2013)
    with pytest.raises(Jt808Error, match="GBK"):
        encode_registration(Registration(terminal_id="\U0001f697", **fields), 2019)


@given(
    st.builds(
        Registration, province=words, city=words, manufacturer=gbk.map(lambda s: s[:2]), model=gbk,
        terminal_id=gbk.map(lambda s: s[:3]), plate_colour=st.integers(0, 255), plate=gbk,
    ),
    versions,
)  # fmt: skip
def test_registration_round_trip(registration, version):
    assert decode_registration(encode_registration(registration, version), version) == registration


@given(st.binary(max_size=255), versions)
def test_authentication_gives_the_code_back_byte_for_byte(code, version):
    body = encode_authentication(Authentication(code=code), version)
    assert decode_authentication(body, version).code == code
    if version == 2019:
        assert len(body) == 1 + len(code) + 15 + 20


@given(words, st.integers(0, 4), st.binary(max_size=30), words)
def test_answers_round_trip(serial, result, code, message_id):
    answer = RegistrationAnswer(serial=serial, result=result, code=b"" if result else code)
    assert decode_registration_answer(encode_registration_answer(answer)) == answer
    general = GeneralAnswer(serial=serial, message_id=message_id, result=result)
    assert decode_general_answer(encode_general_answer(general)) == general


@given(frames())
def test_frames_round_trip_and_an_independent_decoder_agrees(frame):
    wire = encode_frame(frame)
    assert wire[0] == wire[-1] == 0x7E
    assert 0x7E not in wire[1:-1]
    assert decode_frame(wire[1:-1]) == frame
    if not frame.encryption and not frame.part and frame.revision == 1:
        message = read_message(unwrap(wire[1:-1]))
        assert message == {
            "id": frame.message_id, "version": frame.version, "phone": frame.phone, "serial": frame.serial,
            "body": frame.body,
        }  # fmt: skip
        assert wrap(unwrap(wire[1:-1])) == wire


@given(st.lists(st.tuples(frames(), st.binary(max_size=20))), st.integers(1, 40))
def test_a_stream_is_cut_however_it_arrives_and_noise_costs_no_frame(parts, size):
    # noise holds no 7E here: one in the wrong place may cost the frame that it stands in, not the next
    stream = b"".join(noise.replace(b"\x7e", b"") + encode_frame(frame) for frame, noise in parts)
    splitter = Splitter()
    found = [f for at in range(0, len(stream), size) for f in splitter.feed(stream[at : at + size])]
    wanted = [frame for frame, _ in parts]
    assert [f for f in found if f in wanted] == wanted


@given(frames(), frames())
def test_one_delimiter_may_close_one_frame_and_open_the_next(first, second):
    assert Splitter().feed(encode_frame(first)[:-1] + encode_frame(second)) == [first, second]


@given(st.lists(st.binary(max_size=200)))
def test_any_bytes_give_frames_or_are_counted_and_the_next_frame_is_found(chunks):
    splitter = Splitter()
    for chunk in chunks:
        splitter.feed(chunk)
    frame = Frame(message_id=2, phone="0" * 20, serial=5)
    assert frame in splitter.feed(b"\x7e" + encode_frame(frame))


def test_an_endless_piece_is_forgotten():
    splitter = Splitter()
    for _ in range(100):
        splitter.feed(bytes(MAX_FRAME // 3))
    assert splitter.bad == 1
    assert len(splitter._tail) <= MAX_FRAME
    frame = Frame(message_id=2, phone="0" * 20, serial=5)
    assert splitter.feed(encode_frame(frame)) == [frame]


def test_a_wrong_length_field_is_said_and_the_delimiter_decides():
    body = bytes(1025)  # what one platform sends: the ten bits overflow to 1
    content = bytes.fromhex("8108 0001 013912345678 0001") + body
    (frame,) = Splitter().feed(wrap(content))
    assert (frame.body, frame.wrong_length) == (body, 1)


@pytest.mark.parametrize("bad", [b"\x7d", b"\x7d\x03", b"a\x7d"])
def test_a_lone_escape_byte_is_an_error(bad):
    with pytest.raises(Jt808Error):
        unescape(bad)


@given(st.binary(max_size=80))
def test_decoders_raise_their_own_error_and_nothing_else(data):
    decoders = [
        decode_frame, decode_general_answer, decode_registration_answer, decode_location, unescape,
        lambda d: decode_registration(d, 2013), lambda d: decode_registration(d, 2019),
        lambda d: decode_authentication(d, 2019), jsatl12.decode_adas, jsatl12.decode_dsm,
    ]  # fmt: skip
    for decode in decoders:
        with contextlib.suppress(Jt808Error):
            decode(data)


def test_a_location_is_where_the_table_says():
    body = encode_location(
        Location(
            latitude_deg=-33.8688, longitude_deg=151.2093, utc_ns=T, altitude_m=58.4, speed_mps=10.0,
            heading_deg=359.6, alarm=2, status=Status.ACC, items=((0x31, b"\x09"),),
        )
    )  # fmt: skip
    assert read_location(body) == {
        "alarm": 2, "status": 0b111, "latitude": 33_868_800, "longitude": 151_209_300, "altitude": 58,
        "speed": 360, "heading": 0, "time": "251125000000", "items": {0x31: b"\x09"},
    }  # fmt: skip


def test_unknown_is_said_and_not_guessed():
    body = encode_location(Location(latitude_deg=None, longitude_deg=None, utc_ns=None))
    assert body == bytes(28)
    back = decode_location(body)
    assert (back.latitude_deg, back.longitude_deg, back.utc_ns) == (None, None, None)


@pytest.mark.parametrize(
    "changes",
    [{"latitude_deg": float("nan")}, {"longitude_deg": 181.0}, {"speed_mps": float("nan")}, {"alarm": -1},
     {"items": ((1, bytes(256)),)}, {"utc_ns": 0}],
)  # fmt: skip
def test_what_a_location_cannot_hold_is_an_error(changes):
    with pytest.raises(Jt808Error):
        encode_location(Location(**{"latitude_deg": 1.0, "longitude_deg": 1.0, "utc_ns": T, **changes}))


@given(
    st.integers(-90_000_000, 90_000_000), st.integers(-180_000_000, 180_000_000), words, words,
    st.integers(0, 359), st.integers(0, 2**32 - 1),
    st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=255)), max_size=4), st.integers(0, 10**9),
)  # fmt: skip
def test_locations_round_trip(latitude, longitude, altitude, speed, heading, alarm, items, later_s):
    location = Location(
        latitude_deg=latitude / 1e6, longitude_deg=longitude / 1e6, utc_ns=T + later_s * 10**9,
        altitude_m=float(altitude), speed_mps=speed / 36, heading_deg=float(heading), alarm=alarm,
        items=tuple(items),
    )  # fmt: skip
    assert decode_location(encode_location(location)) == location


def test_time_is_in_gmt_plus_8():
    assert encode_time(T).hex() == "251125000000"
    assert encode_time(T - 1).hex() == "251124235959"


def test_an_adas_alarm_is_where_the_table_says():
    alarm = jsatl12.AdasAlarm(
        alarm_id=7, kind=jsatl12.LANE_DEPARTURE, level=2, front_speed_mps=20.0, gap_s=1.2, departure="right",
        scene=scene(speed_mps=25.0, altitude_m=100.0, latitude_deg=31.2, longitude_deg=121.4, status=0x11),
    )  # fmt: skip
    data = jsatl12.encode_adas(alarm)
    assert read_alarm(data) == {
        "id": 7, "flag": 0, "type": 2, "level": 2, "rest": bytes([72, 12, 2, 0, 0]), "speed": 90,
        "altitude": 100, "latitude": 31_200_000, "longitude": 121_400_000, "time": "251125000000",
        "status": 0x411, "terminal": b"ABC1234", "sign_time": "251125000000", "sequence": 0,
        "attachments": 0, "reserved": 0,
    }  # fmt: skip
    assert jsatl12.decode_adas(data) == alarm


def test_a_dsm_alarm_is_where_the_table_says():
    alarm = jsatl12.DsmAlarm(alarm_id=9, kind=jsatl12.FATIGUE, level=1, fatigue_degree=10, scene=scene())
    read = read_alarm(jsatl12.encode_dsm(alarm))
    assert (read["id"], read["type"], read["level"], read["rest"]) == (9, 1, 1, bytes([10, 0, 0, 0, 0]))
    back = jsatl12.decode_dsm(jsatl12.encode_dsm(alarm))
    assert (back.alarm_id, back.kind, back.fatigue_degree, back.scene.latitude_deg) == (9, 1, 10, None)
