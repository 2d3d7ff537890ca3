"""SM2 and SM3 against the standard's vectors, the openssl program and gmssl."""

import shutil
import subprocess

import pytest
from v2x_security_world import at, pair

from edge.v2x.security import SecurityError, algorithms, read_signed, sm2
from edge.v2x.uper import CodecError

pytestmark = pytest.mark.skipif(bool(sm2.missing()), reason=sm2.missing() or "SM2 is here")

ID = b"1234567812345678"
SM2 = algorithms.BY_NAME["sm2"]
# GM/T 0003.5-2012, example of signing: key, public key, message, signature
SECRET = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
X = bytes.fromhex("09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020")
Y = bytes.fromhex("CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13")
R = bytes.fromhex("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3")
S = bytes.fromhex("B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA")


def test_sm3_of_the_standard():
    """GM/T 0004-2012, both examples."""
    assert sm2.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm2.sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_the_signature_of_the_standard():
    key = sm2.Private.from_secret(SM2, SECRET, ID)
    assert key.point() == bytes((2 + Y[-1] % 2,)) + X
    for point in (key.point(), b"\4" + X + Y):
        public = sm2.Public(point, ID)
        assert public.verify(b"message digest", R, S)
        assert not public.verify(b"message digest!", R, S)
        assert not public.verify(b"message digest", S, R)
        assert not public.verify(b"message digest", bytes(32), bytes(32))
    assert not sm2.Public(key.point(), b"somebody").verify(b"message digest", R, S)
    r, s = key.sign(b"message digest")
    assert sm2.Public(key.point(), ID).verify(b"message digest", r, s)


def test_gmssl_agrees():
    gmssl = pytest.importorskip("gmssl.sm2")
    theirs = gmssl.CryptSM2(private_key=SECRET.hex(), public_key=(X + Y).hex())
    ours = sm2.Private.from_secret(SM2, SECRET, ID)
    for message in (b"\x81" * 64, bytes(range(64))):
        r, s = ours.sign(message)
        assert theirs.verify_with_sm3((r + s).hex(), message)
        theirs_signature = bytes.fromhex(theirs.sign_with_sm3(message))
        assert sm2.Public(ours.point(), ID).verify(message, theirs_signature[:32], theirs_signature[32:])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program is not installed")
def test_the_openssl_program_agrees(tmp_path):
    key = algorithms.new_key(SM2, ID)
    message = bytes(range(64))
    files = {name: tmp_path / name for name in ("key", "message", "theirs", "ours")}
    files["key"].write_bytes(key.pem())
    files["message"].write_bytes(message)
    files["ours"].write_bytes(algorithms.der(*key.sign(message)))
    common = [
        "openssl", "pkeyutl", "-rawin", "-digest", "sm3", "-inkey", files["key"], "-in", files["message"],
        "-pkeyopt", f"distid:{ID.decode()}",
    ]  # fmt: skip
    verified = subprocess.run([*common, "-verify", "-sigfile", files["ours"]], capture_output=True, text=True)
    assert verified.returncode == 0, verified
    subprocess.run([*common, "-sign", "-out", files["theirs"]], check=True, capture_output=True)
    signature = files["theirs"].read_bytes()
    end = 4 + signature[3]
    r, s = (part.lstrip(b"\0").rjust(32, b"\0") for part in (signature[4:end], signature[end + 2 :]))
    assert sm2.Public(key.point(), ID).verify(message, r, s)


def test_a_key_is_kept_and_others_are_refused():
    key = algorithms.new_key(SM2, ID)
    assert algorithms.read_key(SM2, key.pem(), ID).point() == key.point()
    p256 = pytest.importorskip("cryptography") and algorithms.new_key(algorithms.BY_NAME["p256"], ID)
    for bad in (p256.pem(), b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", b"x" * 99):
        with pytest.raises(ValueError):
            algorithms.read_key(SM2, bad, ID)


@pytest.mark.parametrize("point", [b"\2" + b"\xff" * 32, b"\3" + b"\xff" * 32, b"\4" + X + X])
def test_a_point_beside_the_curve_is_refused(point):
    with pytest.raises(CodecError) as error:
        sm2.Public(point, ID)
    assert error.value.reason == "forged"


def test_messages_are_signed_over_both_hashes():
    """The message of SM2 is SM3(tbsData) || SM3(certificate), found and checked without our verifier."""
    gmssl = pytest.importorskip("gmssl.sm2")
    signer, verifier = pair("sm2")
    signed = read_signed(signer.sign(b"x", 111, at(1)))
    verifier.verify(signed, at(1))
    certificate = signed.certificate
    judge = gmssl.CryptSM2(private_key="", public_key=_whole(certificate.point).hex())
    message = sm2.sm3(signed.covered) + sm2.sm3(certificate.encoded)
    assert judge.verify_with_sm3((signed.r + signed.s).hex(), message)
    assert certificate.digest == sm2.sm3(certificate.encoded)[-8:]


def _whole(point):
    """x and y of a compressed point of the curve of SM2."""
    p = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
    b = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
    x = int.from_bytes(point[1:], "big")
    y = pow(x**3 - 3 * x + b, (p + 1) // 4, p)
    if y % 2 != point[0] % 2:
        y = p - y
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


def test_without_the_library_it_says_so(monkeypatch):
    chinese = pair("sm2")[0].sign(b"x", 111, at(1))
    sm2._load.cache_clear()
    monkeypatch.setattr(sm2.ctypes.util, "find_library", lambda name: None)
    try:
        assert "OpenSSL 3" in sm2.missing()
        with pytest.raises(SecurityError, match="none is found"):
            sm2.sm3(b"")
        with pytest.raises(CodecError, match="OpenSSL 3") as error:
            read_signed(chinese)
        assert error.value.reason == "unsupported"
        sm2._load.cache_clear()
        monkeypatch.setattr(sm2.ctypes.util, "find_library", lambda name: "libm.so.6")
        assert "EVP_Digest" in sm2.missing()
    finally:
        sm2._load.cache_clear()
