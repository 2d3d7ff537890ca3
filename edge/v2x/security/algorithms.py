"""The kinds of keys and signatures of IEEE 1609.2: their numbers, their hashes, and who computes them.

ECDSA through the package `cryptography` (the extra "security"), SM2 and SM3 through the system's libcrypto;
both are imported when first used. With ECDSA Hash(Hash(data) || Hash(certificate of the signer)) is signed,
for one who signs himself Hash(Hash(data) || Hash("")) (IEEE 1609.2-2022, 5.3.1). With SM2 the data are signed
and the hash of the certificate is the identity of the signer, that SM2 hashes with his key before them
(GM/T 0003.2; so does the example that is published of YD/T 3957; of one who signs himself there is none, we
take the hash of nothing there too). Signatures are not brought to the lower of their two s: the standard does
not ask for it.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from edge.config import UserError
from edge.v2x.uper import CodecError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec


class SecurityError(UserError):
    """Keys, certificates or a library that what is asked cannot be done with."""


class Algorithm(msgspec.Struct, frozen=True):
    """One kind. number: in the CHOICEs Signature and PublicVerificationKey (both alike); size: octets of a
    coordinate; hash_number: in HashAlgorithm; issuer: in IssuerIdentifier.
    """

    name: str
    number: int
    size: int
    hash_name: str
    hash_number: int
    issuer: int
    extension: bool

    def hash(self, data: bytes) -> bytes:
        """Its hash. Raises SecurityError where there is no SM3."""
        return _hasher(self.hash_name)(data)

    def missing(self) -> str:
        """Why this cannot be had here; "" where it can. Without SM3 not even a certificate can be named."""
        if self.name != "sm2":
            return ""
        from edge.v2x.security import sm2

        return sm2.missing()


ALGORITHMS = (
    Algorithm("p256", 0, 32, "sha256", 0, 0, False),
    Algorithm("brainpoolp256r1", 1, 32, "sha256", 0, 0, False),
    Algorithm("brainpoolp384r1", 2, 48, "sha384", 1, 2, True),
    Algorithm("p384", 3, 48, "sha384", 1, 2, True),
    Algorithm("sm2", 4, 32, "sm3", 2, 3, True),
)
BY_NAME = {algorithm.name: algorithm for algorithm in ALGORITHMS}


class PublicKey(Protocol):
    """One that checks signatures."""

    def verify(self, data: bytes, digest: bytes, above: bytes, r: bytes, s: bytes) -> bool:
        """Whether (r, s) signs the data. digest: their hash; above: that of the signer's certificate."""
        ...


class PrivateKey(Protocol):
    """One that signs."""

    algorithm: Algorithm

    def sign(self, data: bytes, above: bytes) -> tuple[bytes, bytes]:
        """(r, s) for the data. above: the hash of the signer's certificate."""
        ...

    def point(self) -> bytes:
        """Its public key, as a compressed point: 02 or 03 and x."""
        ...

    def pem(self) -> bytes:
        """PKCS #8, not encrypted."""
        ...


def public_key(algorithm: Algorithm, point: bytes) -> PublicKey:
    """A key from its compressed point. Raises CodecError "forged" for a point beside the curve."""
    if algorithm.name == "sm2":
        from edge.v2x.security import sm2

        return sm2.Public(point)
    return _EcdsaPublic(algorithm, point)


def new_key(algorithm: Algorithm) -> PrivateKey:
    """A fresh key."""
    if algorithm.name == "sm2":
        from edge.v2x.security import sm2

        return sm2.Private.fresh(algorithm)
    ec_module = _ec()
    return _EcdsaPrivate(algorithm, ec_module.generate_private_key(_curve(algorithm)))


def read_key(algorithm: Algorithm, pem: bytes) -> PrivateKey:
    """A key from PEM. Raises ValueError for what is none, or one of another curve."""
    if algorithm.name == "sm2":
        from edge.v2x.security import sm2

        return sm2.Private.from_pem(algorithm, pem)
    ec_module = _ec()
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem, None)
    if not isinstance(key, ec_module.EllipticCurvePrivateKey) or key.curve.name != _curve(algorithm).name:
        raise ValueError(f"is not a key of {algorithm.name}")
    return _EcdsaPrivate(algorithm, key)


class _EcdsaPublic:
    def __init__(self, algorithm: Algorithm, point: bytes) -> None:
        ec_module = _ec()
        from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

        try:
            key = ec_module.EllipticCurvePublicKey.from_encoded_point(_curve(algorithm), point)
        except ValueError:
            raise CodecError("certificate", "its key is no point of its curve", "forged") from None
        except UnsupportedAlgorithm as error:
            raise CodecError("certificate", str(error), "unsupported") from None
        self._verify = key.verify
        self._hash = _hasher(algorithm.hash_name)
        self._scheme = _scheme(algorithm.hash_name)
        self._invalid = InvalidSignature

    def verify(self, data: bytes, digest: bytes, above: bytes, r: bytes, s: bytes) -> bool:
        try:
            self._verify(der(r, s), self._hash(digest + above), self._scheme)
        except self._invalid:
            return False
        return True


class _EcdsaPrivate:
    def __init__(self, algorithm: Algorithm, key: ec.EllipticCurvePrivateKey) -> None:
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        self.algorithm = algorithm
        self._key = key
        self._scheme = _scheme(algorithm.hash_name)
        self._decode = decode_dss_signature

    def sign(self, data: bytes, above: bytes) -> tuple[bytes, bytes]:
        hashed = self.algorithm.hash
        r, s = self._decode(self._key.sign(hashed(hashed(data) + above), self._scheme))
        size = self.algorithm.size
        return r.to_bytes(size, "big"), s.to_bytes(size, "big")

    def point(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def pem(self) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _ec() -> Any:
    try:
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise SecurityError(
            "signed V2X needs the package cryptography: pip install 'icv-edge[security]'"
        ) from None
    return ec


@functools.cache
def _curve(algorithm: Algorithm) -> Any:
    ec_module = _ec()
    curves = {
        "p256": ec_module.SECP256R1,
        "p384": ec_module.SECP384R1,
        "brainpoolp256r1": ec_module.BrainpoolP256R1,
        "brainpoolp384r1": ec_module.BrainpoolP384R1,
    }
    return curves[algorithm.name]()


@functools.cache
def _scheme(hash_name: str) -> Any:
    ec_module = _ec()
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

    return ec_module.ECDSA(Prehashed({"sha256": hashes.SHA256, "sha384": hashes.SHA384}[hash_name]()))


@functools.cache
def _hasher(name: str) -> Callable[[bytes], bytes]:
    if name == "sm3":
        from edge.v2x.security import sm2

        return sm2.sm3
    new = getattr(hashlib, name)
    return lambda data: new(data).digest()


def der(r: bytes, s: bytes) -> bytes:
    """SEQUENCE of two INTEGERs, each in its shortest form."""
    r, s = r.lstrip(b"\0") or b"\0", s.lstrip(b"\0") or b"\0"
    if r[0] & 0x80:
        r = b"\0" + r
    if s[0] & 0x80:
        s = b"\0" + s
    a, b = len(r), len(s)
    return b"".join((bytes((0x30, a + b + 4, 2, a)), r, bytes((2, b)), s))
