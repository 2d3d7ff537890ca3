"""IVIM: the tables against the official modules, signs by hand, tshark, damage."""

from contextlib import suppress
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_v2x_denm_table import printable
from v2x_judge import MANY, agree_official, codec_of, some, to_pycrate
from v2x_tshark import NEEDS_TSHARK, dissect

from edge.v2x import etsi
from edge.v2x.etsi.ivim_schema import IVIM
from edge.v2x.etsi.ivim_schema_1 import IVIM as IVIM_1
from edge.v2x.moments import Now
from edge.v2x.uper import CodecError

S = 1_000_000_000
NOW = Now(5_000 * S, 1_700_000_000_123_000_000)
ITS_MS = 1_700_000_000_123 - 1_072_915_200_000 + 5000
SEEDS = st.integers(0, (1 << 32) - 1)
TABLES = pytest.mark.parametrize(("version", "table"), [(1, IVIM_1), (2, IVIM)], ids=["1", "2"])


def official(version):
    return pytest.importorskip(
        "pycrate_asn1dir." + ("ITS" if version == 1 else "ITS_IS")
    ).IVIM_PDU_Descriptions


def drawn(table, seed):
    """A value; a sign on a sign on a sign has no table and cannot be drawn."""
    try:
        return printable(some(table, Random(seed)))
    except AssertionError:
        return None


def taken(value):
    """Without what pycrate refuses though PER cannot see it: a unit between others, long texts, and a group
    of which it misses members that are there."""
    if isinstance(value, dict):
        left = {"iviType", "laneStatus", "vehicleCharacteristics"} if "data" in value else set()
        out = {name: taken(item) for name, item in value.items() if name not in left}
        if out.get("unit") in (5, 9) and out.keys() == {"value", "unit"}:
            out["unit"] = 3
        return out
    if isinstance(value, list | tuple):
        return type(value)(taken(item) for item in value)
    return value[:10] if isinstance(value, str) and "€" in value else value


@TABLES
@MANY
@given(seed=SEEDS)
def test_ivim_as_the_official_module(version, table, seed):
    value = drawn(table, seed)
    assume(value is not None)
    agree_official(table, taken(value), official(version).IVIM)


def message(version, status=0, code=None, direction=0, zone=None):
    limit = "speedLimitMax" if version == 2 else "spm"
    pictogram = {
        "serviceCategoryCode": ("trafficSignPictogram", "regulatory"),
        "pictogramCategoryCode": {"nature": 5, "serialNumber": 57},
    }
    speed = ("iso14823", {"pictogramCode": pictogram, "attributes": [("spe", {limit: 80, "unit": 0})]})
    steps = [{"deltaLatitude": 10000, "deltaLongitude": 0}, {"deltaLatitude": 20000, "deltaLongitude": 0}]
    place = {
        "referencePosition": {
            "latitude": 481000000,
            "longitude": 115000000,
            "positionConfidenceEllipse": {
                "semiMajorConfidence": 4095, "semiMinorConfidence": 4095, "semiMajorOrientation": 3601,
            },
            "altitude": {"altitudeValue": 800001, "altitudeConfidence": "unavailable"},
        },
        "parts": [
            {"zoneId": 7, "zone": zone or ("segment", {"line": ("deltaPositions", steps), "laneWidth": 350})}
        ],
    }  # fmt: skip
    sign = {
        "relevanceZoneIds": [7],
        "direction": direction,
        "iviType": 1,
        "roadSignCodes": [{"code": code or speed}],
        "extraText": [{"language": 0, "textContent": "Baustelle"}],
    }
    management = {
        "serviceProviderId": {"countryCode": 0x0A9, "providerIdentifier": 5},
        "iviIdentificationNumber": 12,
        "timeStamp": ITS_MS - 1000,
        "validFrom": ITS_MS - 60_000,
        "validTo": ITS_MS + 60_000,
        "iviStatus": status,
    }
    return {
        "header": {"protocolVersion": version, "messageID": 6, "stationID": 4711},
        "ivi": {"mandatory": management, "optional": [("glc", place), ("giv", [sign])]},
    }


def wire_of(version, value):
    """By pycrate's official module, so that our table is not asked."""
    table = IVIM_1 if version == 1 else IVIM
    ivim = official(version).IVIM
    ivim.set_val(to_pycrate(table, value))
    return ivim.to_uper()


def event_of(version, *args, **kwargs):
    (event,) = etsi.hear(wire_of(version, message(version, *args, **kwargs)), NOW).content.events
    return event


@pytest.mark.parametrize("version", [1, 2])
def test_a_speed_limit_by_hand(version):
    heard = etsi.hear(wire_of(version, message(version)), NOW)
    assert (heard.standard, heard.message, heard.sender) == ("etsi", "IVIM", "4711")
    assert heard.counter == ITS_MS - 1000
    assert heard.measured_ns == NOW.t_ns - S
    (event,) = heard.content.events
    assert event.kind == "speed_limit"
    assert event.id == "0a90005.12.0.0"
    assert event.code == 12557
    assert event.speed_limit_mps == pytest.approx(80 / 3.6)
    assert event.text == "Baustelle"
    assert (event.latitude_deg, event.longitude_deg) == (48.101, 11.5)
    assert event.path == ((48.101, 11.5), (48.103, 11.5))
    assert event.path_width_m == 3.5
    assert event.heading_deg == 0.0
    assert (event.from_ns, event.until_ns) == (NOW.t_ns - 60 * S, NOW.t_ns + 60 * S)
    assert not event.over


def test_signs_of_other_catalogues():
    limit = {"roadSignClass": 2, "roadSignCode": 14, "vcOption": 0, "value": 50, "unit": 1}
    event = event_of(2, code=("viennaConvention", limit))
    assert (event.kind, event.text) == ("speed_limit", "C14 Baustelle")
    assert event.speed_limit_mps == pytest.approx(22.352)  # 50 mile/h
    event = event_of(2, code=("viennaConvention", limit | {"roadSignCode": 13}))
    assert (event.kind, event.speed_limit_mps) == ("sign", None)
    assert event_of(2, code=("itisCodes", 268)).code == 268
    slippery = {
        "serviceCategoryCode": ("trafficSignPictogram", "dangerWarning"),
        "pictogramCategoryCode": {"nature": 1, "serialNumber": 6},
    }
    event = event_of(2, code=("iso14823", {"pictogramCode": slippery}))
    assert (event.kind, event.code) == ("sign", 11106)


@pytest.mark.parametrize(("direction", "heading_deg"), [(0, 0.0), (1, 180.0), (2, None), (3, None)])
def test_whom_it_concerns(direction, heading_deg):
    assert event_of(2, direction=direction).heading_deg == heading_deg


@pytest.mark.parametrize(("status", "over"), [(0, False), (1, False), (2, True), (3, True)])
def test_its_status(status, over):
    assert event_of(2, status=status).over is over


def test_a_zone_of_places():
    points = [
        {"latitude": 482000000, "longitude": 116000000},
        {"latitude": 482000000, "longitude": 116100000},
    ]
    event = event_of(2, zone=("segment", {"line": ("absolutePositions", points)}))
    assert event.path == ((48.2, 11.6), (48.2, 11.61))
    assert event.heading_deg == pytest.approx(90.0)


def test_without_a_place_there_is_no_event():
    value = message(2)
    del value["ivi"]["optional"][0]
    heard = etsi.hear(wire_of(2, value), NOW)
    assert heard.content is None
    assert "giv" in heard.tree["ivi"]["optional"][0]


@NEEDS_TSHARK
def test_tshark_dissects_what_we_make(tmp_path):
    sent = [codec_of(IVIM).encode(message(2)), codec_of(IVIM_1).encode(message(1))]
    sent.append(codec_of(IVIM).encode(message(2, status=2, code=("itisCodes", 268))))
    for line in dissect(tmp_path, sent, 2006, "its.stationID"):
        assert line == ("eth:ethertype:gnw:btpb:its", "", "", "4711")


@pytest.mark.fuzz
@TABLES
@given(seed=SEEDS, wounds=st.lists(st.tuples(st.integers(0, 900), st.integers(1, 255)), max_size=4))
def test_a_damaged_ivim_is_an_ivim_or_a_codec_error(version, table, seed, wounds):
    value = drawn(table, seed)
    wire = bytearray(codec_of(table).encode(message(version) if value is None else value))
    for at, change in wounds:
        wire[at % len(wire)] ^= change
    wire[:2] = bytes((version, 6))
    with suppress(CodecError):
        assert etsi.hear(bytes(wire), NOW).message == "IVIM"
