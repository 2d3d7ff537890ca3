"""NMEA sentences against pynmea2, and what makes an epoch."""

import datetime

import pynmea2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.positioning.nmea import Epochs, NmeaError, parse


def sealed(body):
    checksum = 0
    for octet in body.encode():
        checksum ^= octet
    return f"${body}*{checksum:02X}"


# the first three are the sentences that are printed in most descriptions of NMEA 0183
RMC = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"
GGA = "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47"
GSV = "$GPGSV,2,1,08,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45*75"
GST = sealed("GPGST,123519.00,1.5,3.0,2.0,45.0,1.2,1.6,3.1")

ANGLES = st.tuples(st.integers(0, 89), st.integers(0, 5999999), st.booleans())


@st.composite
def rmcs(draw):
    time = "{:02}{:02}{:02}.{:02}".format(
        *draw(st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 99)))
    )
    north, east = draw(ANGLES), draw(ANGLES)
    speed = draw(st.decimals(0, 200, places=2))
    course = draw(st.decimals(0, 359, places=1))
    day = draw(st.dates(datetime.date(2000, 1, 1), datetime.date(2068, 12, 31)))
    talker = draw(st.sampled_from(["GP", "GN", "GL", "GA", "GB", "BD", "GQ"]))
    return sealed(
        f"{talker}RMC,{time},A,{north[0]:02}{north[1] / 1e5:08.5f},{'NS'[north[2]]},"
        f"{east[0]:03}{east[1] / 1e5:08.5f},{'EW'[east[2]]},{speed},{course},{day:%d%m%y},,,A"
    )


@given(rmcs())
@settings(max_examples=200, deadline=None)
def test_rmc_as_pynmea2(line):
    theirs, ours = pynmea2.parse(line, check=True), parse(line)
    assert ours.latitude_deg == pytest.approx(theirs.latitude, abs=1e-9)
    assert ours.longitude_deg == pytest.approx(theirs.longitude, abs=1e-9)
    assert ours.speed_mps == pytest.approx(float(theirs.spd_over_grnd) * 1852 / 3600)
    assert ours.heading_deg == float(theirs.true_course)
    utc_s = theirs.datetime.timestamp()
    assert (ours.day_ns + ours.time_ns) / 1e9 == pytest.approx(utc_s, abs=1e-3)
    assert ours.valid


@given(st.tuples(ANGLES, ANGLES), st.integers(0, 8), st.integers(0, 40), st.decimals(-400, 8000, places=1))
@settings(max_examples=100, deadline=None)
def test_gga_as_pynmea2(place, quality, satellites, altitude):
    north, east = place
    line = sealed(
        f"GNGGA,010203.40,{north[0]:02}{north[1] / 1e5:08.5f},{'NS'[north[2]]},"
        f"{east[0]:03}{east[1] / 1e5:08.5f},{'EW'[east[2]]},{quality},{satellites:02},1,{altitude},M,1,M,,"
    )
    theirs, ours = pynmea2.parse(line, check=True), parse(line)
    assert ours.latitude_deg == pytest.approx(theirs.latitude, abs=1e-9)
    assert ours.longitude_deg == pytest.approx(theirs.longitude, abs=1e-9)
    assert ours.altitude_m == theirs.altitude
    assert ours.satellites == int(theirs.num_sats)
    assert ours.valid is (theirs.gps_qual > 0)


def test_one_position_for_one_epoch():
    epochs = Epochs("gnss")
    assert epochs.take(100, RMC) == []
    assert epochs.take(110, GGA) == []
    assert epochs.take(120, GSV) == []
    (first,) = epochs.take(1100, RMC.replace("123519", "123520").replace("*6A", "*60"))  # one second later
    assert (first.t_ns, first.source) == (100, "gnss")
    assert first.latitude_deg == pytest.approx(48 + 7.038 / 60)
    assert first.longitude_deg == pytest.approx(11 + 31 / 60)
    assert (first.altitude_m, first.satellites, first.heading_deg) == (545.4, 8, 84.4)
    assert first.speed_mps == pytest.approx(22.4 * 0.514444, abs=1e-4)
    assert first.utc_ns == 764_426_119_000_000_000  # 1994-03-23T12:35:19Z
    assert first.accuracy_m is None
    (second,) = epochs.take(1110, GGA.replace("123519", "123520").replace("*47", "*4D"))  # the last
    assert second.t_ns == 1100
    assert not epochs.bad


def test_accuracy_comes_from_gst():
    epochs = Epochs("gnss")
    for line in (RMC, GGA, GST):
        epochs.take(0, line)
    (position,) = epochs.take(1, RMC.replace("123519", "123520").replace("*6A", "*60"))
    assert position.accuracy_m == pytest.approx(2.0)


@pytest.mark.parametrize("kind", [RMC, GGA])
def test_one_kind_alone_is_enough(kind):
    epochs = Epochs("gnss")
    body = kind[1:-3]
    found = []
    for second in range(19, 29):
        found += epochs.take(second, sealed(body.replace("123519", f"1235{second}")))
    assert [p.t_ns for p in found] == list(range(19, 29))  # the second epoch ends the first, then none waits


def test_without_a_fix_there_is_no_position():
    epochs = Epochs("gnss")
    for second in range(10, 15):
        assert epochs.take(second, sealed(f"GNRMC,1235{second}.00,V,,,,,,,230394,,,N")) == []
        assert epochs.take(second, sealed(f"GNGGA,1235{second}.00,,,,,0,00,99.99,,,,,,")) == []
    assert epochs.fix is False
    assert not epochs.bad


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("garbage", "no sentence"),
        ("", "no sentence"),
        (RMC[:-3], "no sentence"),
        (RMC.replace("48", "49"), "checksum"),
        (sealed("GPRMC,1235"), "fields"),
        (sealed("GPRMC,123519,A,4860.000,N,01131.000,E,022.4,084.4,230394,,"), "fields"),
        (sealed("GPRMC,123519,A,9107.000,N,01131.000,E,022.4,084.4,230394,,"), "fields"),
        (sealed("GPRMC,123519,A,4807.000,X,01131.000,E,022.4,084.4,230394,,"), "fields"),
        (sealed("GPRMC,123519,A,4807.000,N,01131.000,E,nan,084.4,230394,,"), "fields"),
        (sealed("GPRMC,123519,A,4807.000,N,01131.000,E,1_0,084.4,230394,,"), "fields"),
        (sealed("GPRMC,123519,A,4807.000,N,01131.000,E,022.4,384.4,230394,,"), "fields"),
        (sealed("GPRMC,123519,A,4807.000,N,01131.000,E,022.4,084.4,310294,,"), "fields"),
        (sealed("GPRMC,243519,A,4807.000,N,01131.000,E,022.4,084.4,230394,,"), "fields"),
        (sealed("GPGGA," + "1" * 300), "no sentence"),
    ],
)
def test_what_is_refused_and_why(line, reason):
    with pytest.raises(NmeaError) as caught:
        parse(line)
    assert str(caught.value) == reason


def test_what_is_of_no_use_is_no_error():
    assert parse(GSV) is None
    assert parse("$PUBX,00,081350.00,4717.113210,N*00") is None
    assert parse("!AIVDM,1,1,,B,177KQJ5000G?tO`K>RA1wUbN0TKH,0*5C") is None


@given(st.text(max_size=120) | st.tuples(st.sampled_from(["GPRMC", "GPGGA", "GPGST"]), st.text(max_size=80)))
@settings(max_examples=500, deadline=None)
def test_any_text_is_taken(text):
    if isinstance(text, tuple):
        try:
            text = sealed(f"{text[0]},{text[1]}")
        except UnicodeEncodeError:
            return
    epochs = Epochs("gnss")
    assert epochs.take(0, text) == []
