"""What CAMs and DENMs may say by the permissions of their signer."""

import pytest
from hypothesis import given
from v2x_judge import values
from v2x_security_world import at, pair

from edge.v2x.etsi import cam_schema
from edge.v2x.security import read_signed, ssp
from edge.v2x.security.permissions import Ssp
from edge.v2x.uper import CodecError

pytest.importorskip("cryptography")


CAM = 36

CAM_VALUE = {
    "cam": {
        "camParameters": {
            "highFrequencyContainer": ("basicVehicleContainerHighFrequency", {}),
            "specialVehicleContainer": ("emergencyContainer", {"emergencyPriority": 2}),
        }
    }
}


@pytest.mark.parametrize(
    ("octets", "allowed"),
    [("010000", False), ("010200", False), ("010240", True), ("000240", False), ("01", False)],
)
def test_a_siren_needs_its_permission(octets, allowed):
    """EN 302 637-2: emergency is bit 6 and requestForRightOfWay bit 9, behind the version."""
    signer, verifier = pair(permissions={CAM: Ssp(bytes.fromhex(octets), True)})
    sender = verifier.verify(read_signed(signer.sign(b"x", CAM, at(1))), at(1))
    verifier.check_content(sender, "CPM", CAM, {})
    if allowed:
        verifier.check_content(sender, "CAM", CAM, CAM_VALUE)
    else:
        with pytest.raises(CodecError) as error:
            verifier.check_content(sender, "CAM", CAM, CAM_VALUE)
        assert error.value.reason == "permission"


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        ({"denm": {}}, 0),
        ({"denm": {"situation": {"eventType": {"causeCode": 1, "subCauseCode": 0}}}}, 1 << 23),
        ({"denm": {"situation": {"eventType": {"causeCode": 99, "subCauseCode": 5}}}}, 1),
        ({"denm": {"situation": {"eventType": {"causeCode": 95}}}}, 1 << 4),
        ({"denm": {"situation": {"eventType": {"ccAndScc": ("dangerousSituation99", 1)}}}}, 1),
        ({"denm": {"situation": {"eventType": {"causeCode": 50}}}}, 0),
    ],
)
def test_each_cause_has_its_bit(value, bits):
    assert ssp.needed("DENM", value) == bits
    assert ssp.allows("DENM", Ssp(b"\1\xff\xff\xff", True), bits)
    assert ssp.allows("DENM", Ssp(b"\1\0\0\0", True), bits) == (not bits)
    assert ssp.allows("DENM", Ssp(b"\1\xff\xff\xff", False), bits) == (not bits)


@given(values(cam_schema.CAM))
def test_every_cam_can_be_asked_what_it_needs(value):
    bits = ssp.needed("CAM", value)
    special = value["cam"]["camParameters"].get("specialVehicleContainer")
    assert bits & ssp.CAM_BITS.get(special[0], 0) if special else bits in (0, ssp.CAM_BITS["cenDsrc"])


def test_what_is_newer_than_our_tables_needs_nothing():
    parameters = {"highFrequencyContainer": ("later", b"?"), "specialVehicleContainer": ("later", b"?")}
    assert ssp.needed("CAM", {"cam": {"camParameters": parameters}}) == 0
    assert ssp.needed("VAM", {}) == 0
