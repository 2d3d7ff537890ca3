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
    key = sm2.Private.from_secret(SM2, SECRET)
    message = b"message digest"
    assert key.point() == bytes((2 + Y[-1] % 2,)) + X
    for point in (key.point(), b"\4" + X + Y):
        public = sm2.Public(point)
        assert public.verify(message, b"", ID, R, S)
        assert not public.verify(b"message digest!", b"", ID, R, S)
        assert not public.verify(message, b"", b"somebody", R, S)
        assert not public.verify(message, b"", ID, S, R)
        assert not public.verify(message, b"", ID, bytes(32), bytes(32))
    assert sm2.Public(key.point()).verify(message, b"", ID, *key.sign(message, ID))


def test_the_example_of_the_chinese_standard():
    """YD/T 3957, SM2 of a message: key, hash of the certificate, ToBeSignedData and signature, as published
    on const.net.cn; it says ZA and the hash too, which tell what the identity and what the message is."""
    secret = bytes.fromhex("179e18aee33872e1605e99e8bc6120f795e7c8f8a9ce607a4a7178682353a169")
    above = bytes.fromhex("e38c7cb2ecedb9289b6e71ad30b6262c4a578573b9a44de8ab659a6bcd967d77")
    covered = bytes.fromhex("40038020" + "34" * 32 + "4001200000000000237303")
    x = bytes.fromhex("1e5f89a574082c8b3611fba8d065f308b48f64eeef71303c75ba8e95d5be8942")
    y = bytes.fromhex("7784ef220941deebcf5b3e3465980a309167346ffe050ae1007c2d2f3f105774")
    za = bytes.fromhex("ff2543659c0b93c39fe3b4007398df9fb40cf45de365e7c9af165d4268350bb9")
    hashed = bytes.fromhex("7ab12a19b645dfc636e20ea7aeb0e55ef3f3683887b2e076a8eb3294904ee5d4")
    r = bytes.fromhex("ddf9075dd2d94705a12f425e51cb274cb8f4ae65b31c7cddcd31c2bc3c552881")
    s = bytes.fromhex("208611de09a7cc4e4876e69ef2e7c06a8539a467f20b0ea7feeb2afe9d595cc4")
    assert sm2.Private.from_secret(SM2, secret).point() == bytes((2 + y[-1] % 2,)) + x
    assert _identified(above, x, y) == za
    assert sm2.sm3(za + covered) == hashed
    assert sm2.Public(b"\4" + x + y).verify(covered, b"", above, r, s)


def test_gmssl_agrees():
    gmssl = pytest.importorskip("gmssl.sm2")
    theirs = gmssl.CryptSM2(private_key=SECRET.hex(), public_key=(X + Y).hex())
    ours = sm2.Private.from_secret(SM2, SECRET)
    for message in (b"\x81" * 64, bytes(range(64))):
        r, s = ours.sign(message, ID)
        assert theirs.verify_with_sm3((r + s).hex(), message)
        theirs_signature = bytes.fromhex(theirs.sign_with_sm3(message))
        r, s = theirs_signature[:32], theirs_signature[32:]
        assert sm2.Public(ours.point()).verify(message, b"", ID, r, s)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the openssl program is not installed")
def test_the_openssl_program_agrees(tmp_path):
    key = algorithms.new_key(SM2)
    message = bytes(range(64))
    files = {name: tmp_path / name for name in ("key", "message", "theirs", "ours")}
    files["key"].write_bytes(key.pem())
    files["message"].write_bytes(message)
    files["ours"].write_bytes(algorithms.der(*key.sign(message, ID)))
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
    assert sm2.Public(key.point()).verify(message, b"", ID, r, s)


def test_a_key_is_kept_and_others_are_refused():
    key = algorithms.new_key(SM2)
    assert algorithms.read_key(SM2, key.pem()).point() == key.point()
    p256 = pytest.importorskip("cryptography") and algorithms.new_key(algorithms.BY_NAME["p256"])
    for bad in (p256.pem(), b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", b"x" * 99):
        with pytest.raises(ValueError):
            algorithms.read_key(SM2, bad)


@pytest.mark.parametrize("point", [b"\2" + b"\xff" * 32, b"\3" + b"\xff" * 32, b"\4" + X + X])
def test_a_point_beside_the_curve_is_refused(point):
    with pytest.raises(CodecError) as error:
        sm2.Public(point)
    assert error.value.reason == "forged"


def test_messages_are_signed_with_the_certificate_as_identity():
    """As in the example of the standard, found and checked without our verifier."""
    gmssl = pytest.importorskip("gmssl.sm2")
    signer, verifier = pair("sm2")
    signed = read_signed(signer.sign(b"x", 111, at(1)))
    verifier.verify(signed, at(1))
    certificate = signed.certificate
    x, y = _whole(certificate.point)
    hashed = sm2.sm3(_identified(sm2.sm3(certificate.encoded), x, y) + signed.covered)
    judge = gmssl.CryptSM2(private_key="", public_key=(x + y).hex())
    assert judge.verify((signed.r + signed.s).hex(), hashed)
    assert certificate.digest == sm2.sm3(certificate.encoded)[-8:]


P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
G = (
    "32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7"
    "BC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0"
)


def _identified(identity, x, y):
    """ZA of GM/T 0003.2, 5.5."""
    a = (P - 3).to_bytes(32, "big") + B.to_bytes(32, "big") + bytes.fromhex(G)
    return sm2.sm3((8 * len(identity)).to_bytes(2, "big") + identity + a + x + y)


def _whole(point):
    """x and y of a compressed point of the curve of SM2."""
    x = int.from_bytes(point[1:], "big")
    y = pow(x**3 - 3 * x + B, (P + 1) // 4, P)
    if y % 2 != point[0] % 2:
        y = P - y
    return x.to_bytes(32, "big"), y.to_bytes(32, "big")


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
