"""What a station of China really sends, read by asn1tools."""

import math

import pytest
from v2x_air import STATION, date, drive, keys, payloads
from v2x_judge import asn1tools_of

from edge.v2x.csae53.schema import MESSAGE_FRAME


@pytest.fixture(scope="module", params=["unsigned", "signed"])
def china(request, tmp_path_factory):
    """By name of the message: (monotonic ns, decoded) of each."""
    folder = tmp_path_factory.mktemp("air")
    found = drive("csae53", keys(folder / "keys") if request.param == "signed" else None)
    assert (found.sender.failed, found.sender.held) == (0, 0)
    found.decoded, aids = {}, {}
    for t_ns, aid, payload in payloads(found):
        name, value = asn1tools_of(MESSAGE_FRAME).decode("M", payload)
        aids.setdefault(name, set()).add(aid)
        found.decoded.setdefault(name, []).append((t_ns, value))
    assert aids == {
        "bsmFrame": {111},
        "mapFrame": {3618},
        "spatFrame": {3619},
        "rsiFrame": {3620},
        "rsmFrame": {3623},
    }
    for told in found.decoded.values():
        assert [value["msgCnt"] for _, value in told] == [n % 128 for n in range(len(told))]
    return found


IDENTITY = STATION.to_bytes(8, "big")


def test_bsms_say_what_the_car_does(china):
    told = china.decoded["bsmFrame"]
    assert len(told) == 400
    for t_ns, bsm in told:
        car = china.car(t_ns)
        assert (bsm["id"], bsm["secMark"]) == (IDENTITY, date(t_ns) // 1_000_000 % 60_000)
        assert bsm["pos"]["lat"] == round(car.latitude_deg * 1e7)
        assert bsm["pos"]["long"] == round(car.longitude_deg * 1e7)
        assert bsm["pos"]["elevation"] == 120
        assert bsm["speed"] == pytest.approx(car.speed_mps * 50, abs=0.51)
        assert bsm["heading"] == pytest.approx(car.heading_deg * 80, abs=0.51)
        assert bsm["accelSet"]["long"] == round(car.acceleration_mps2 * 100)
        right_deg = -math.degrees(car.speed_mps / 40)  # to the right positive
        assert bsm["accelSet"]["yaw"] == pytest.approx(right_deg * 100, abs=1)
        assert bsm["brakes"]["brakePadel"] == ("on" if car.brake_pressed else "off")
        assert bsm["size"] == {"width": 180, "length": 460}
    with_path = [
        (t_ns, v["safetyExt"]["pathHistory"]) for t_ns, v in told if "pathHistory" in v.get("safetyExt", {})
    ]
    assert len(with_path) > 350
    for t_ns, history in with_path:
        assert len(history["crumbData"]) <= 23
        for crumb in history["crumbData"]:
            then, (_, away), here = (
                china.car(t_ns - crumb["timeOffset"] * 10_000_000),
                crumb["llvOffset"]["offsetLL"],
                china.car(t_ns),
            )
            assert here.latitude_deg * 1e7 + away["lat"] == pytest.approx(then.latitude_deg * 1e7, abs=20)
            assert here.longitude_deg * 1e7 + away["lon"] == pytest.approx(then.longitude_deg * 1e7, abs=20)
