"""SM2 and SM3 (GM/T 0003.2, GM/T 0004) through the system's libcrypto of OpenSSL 3, by ctypes."""

from __future__ import annotations

import base64
import binascii
import ctypes
import ctypes.util
import functools
import os
from typing import Any

from edge.v2x.security.algorithms import Algorithm, SecurityError, der
from edge.v2x.uper import CodecError

_CURVE = bytes.fromhex("06082a811ccf5501822d")  # 1.2.156.10197.1.301
_EC_KEY = bytes.fromhex("06072a8648ce3d0201")  # 1.2.840.10045.2.1
_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_BEGIN, _END = b"-----BEGIN PRIVATE KEY-----", b"-----END PRIVATE KEY-----"


def sm3(data: bytes) -> bytes:
    """The hash, 32 octets."""
    library, digest = _libcrypto()
    out = ctypes.create_string_buffer(32)
    if library.EVP_Digest(data, len(data), out, None, digest, None) != 1:
        raise SecurityError("libcrypto refused to compute SM3")
    return out.raw


def missing() -> str:
    """Why SM2 cannot be had here; "" where it can."""
    found = _load()
    return found if isinstance(found, str) else ""


class _Key:
    """An EVP_PKEY and a context for it; freed with this."""

    def __init__(self, pointer: int) -> None:
        self._library, self._digest = _libcrypto()
        self._pointer = pointer

    def __del__(self) -> None:
        if getattr(self, "_pointer", None):
            self._library.EVP_PKEY_free(self._pointer)

    def _with_context(self, identity: bytes, begin: str, act: Any) -> Any:
        library = self._library
        context = library.EVP_MD_CTX_new()
        key_context = library.EVP_PKEY_CTX_new(self._pointer, None)
        try:
            if library.EVP_PKEY_CTX_set1_id(key_context, identity, len(identity)) != 1:
                raise SecurityError("libcrypto refused the identity of SM2")
            library.EVP_MD_CTX_set_pkey_ctx(context, key_context)
            if getattr(library, begin)(context, None, self._digest, None, self._pointer) != 1:
                raise SecurityError("libcrypto refused to begin with SM2")
            return act(context)
        finally:
            library.EVP_MD_CTX_free(context)
            library.EVP_PKEY_CTX_free(key_context)
            library.ERR_clear_error()


class Public(_Key):
    """A public key from its point, compressed or not. Raises CodecError "forged" for one beside the curve."""

    def __init__(self, point: bytes) -> None:
        library, _ = _libcrypto()
        body = _tlv(0x30, _EC_KEY + _CURVE) + _tlv(3, b"\0" + point)
        pointer = _parse(library.d2i_PUBKEY, _tlv(0x30, body))
        if not pointer:
            raise CodecError("certificate", "its key is no point of its curve", "forged")
        super().__init__(pointer)

    def verify(self, data: bytes, digest: bytes, above: bytes, r: bytes, s: bytes) -> bool:
        """Whether (r, s) signs the data for the identity `above`; the digest is not used."""
        signature = der(r, s)

        def act(context: int) -> bool:
            return self._library.EVP_DigestVerify(context, signature, len(signature), data, len(data)) == 1

        return bool(self._with_context(above, "EVP_DigestVerifyInit", act))


class Private(_Key):
    """A private key."""

    def __init__(self, algorithm: Algorithm, encoded: bytes) -> None:
        self.algorithm = algorithm
        library, _ = _libcrypto()
        pointer = _parse(lambda out, data, size: library.d2i_AutoPrivateKey(out, data, size), encoded)
        if not pointer:
            raise ValueError("is not a key of sm2")
        super().__init__(pointer)
        self._encoded = encoded
        if _CURVE not in self._public():
            raise ValueError("is not a key of sm2")

    @classmethod
    def fresh(cls, algorithm: Algorithm) -> Private:
        """A new key from the system's random numbers, 1..n-2 as GM/T 0003.1 asks."""
        while not 1 <= (secret := int.from_bytes(os.urandom(32), "big")) <= _ORDER - 2:
            pass
        return cls.from_secret(algorithm, secret.to_bytes(32, "big"))

    @classmethod
    def from_secret(cls, algorithm: Algorithm, secret: bytes) -> Private:
        """From its 32 octets."""
        inner = _tlv(0x30, b"\2\1\1" + _tlv(4, secret))
        return cls(algorithm, _tlv(0x30, b"\2\1\0" + _tlv(0x30, _EC_KEY + _CURVE) + _tlv(4, inner)))

    @classmethod
    def from_pem(cls, algorithm: Algorithm, pem: bytes) -> Private:
        """From PKCS #8. Raises ValueError."""
        _, begin, rest = pem.partition(_BEGIN)
        body, end, _ = rest.partition(_END)
        try:
            encoded = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error:
            encoded = b""
        if not (begin and end and encoded):
            raise ValueError("is no private key in PEM")
        return cls(algorithm, encoded)

    def pem(self) -> bytes:
        """PKCS #8, not encrypted."""
        return b"\n".join((_BEGIN, *base64.encodebytes(self._encoded).split(), _END, b""))

    def point(self) -> bytes:
        """The public key, compressed: 02 or 03 and x."""
        x, y = self._public()[-64:-32], self._public()[-32:]
        return bytes((2 | y[-1] & 1,)) + x

    def sign(self, data: bytes, above: bytes) -> tuple[bytes, bytes]:
        """(r, s), 32 octets each, of the data for the identity `above`."""

        def act(context: int) -> bytes:
            out = ctypes.create_string_buffer(80)
            size = ctypes.c_size_t(80)
            if self._library.EVP_DigestSign(context, out, ctypes.byref(size), data, len(data)) != 1:
                raise SecurityError("libcrypto refused to sign with SM2")
            return out.raw[: size.value]

        signature = self._with_context(above, "EVP_DigestSignInit", act)
        end = 4 + signature[3]
        r, s = signature[4:end], signature[end + 2 :]
        return r.lstrip(b"\0").rjust(32, b"\0"), s.lstrip(b"\0").rjust(32, b"\0")

    def _public(self) -> bytes:
        """SubjectPublicKeyInfo, the point not compressed."""
        out = ctypes.c_void_p()
        size = self._library.i2d_PUBKEY(self._pointer, ctypes.byref(out))
        if size <= 64 or not out.value:
            raise SecurityError("libcrypto gives no public key")
        try:
            return ctypes.string_at(out.value, size)
        finally:
            self._library.CRYPTO_free(out, None, 0)


def _tlv(tag: int, content: bytes) -> bytes:
    """One value of DER, up to 255 octets."""
    size = len(content)
    return bytes((tag, size) if size < 0x80 else (tag, 0x81, size)) + content


def _parse(function: Any, encoded: bytes) -> int | None:
    """What a d2i function makes of all these octets, or None."""
    data = ctypes.create_string_buffer(encoded, len(encoded))
    cursor = ctypes.c_void_p(ctypes.addressof(data))
    pointer = function(None, ctypes.byref(cursor), len(encoded))
    if not pointer:
        _libcrypto()[0].ERR_clear_error()
    return pointer


def _libcrypto() -> tuple[Any, int]:
    """The library and its SM3. Raises SecurityError."""
    found = _load()
    if isinstance(found, str):
        raise SecurityError(found)
    return found


@functools.cache
def _load() -> tuple[Any, int] | str:
    """The same, or why not."""
    name = ctypes.util.find_library("crypto")
    advice = "SM2 needs libcrypto of OpenSSL 3 on this system"
    if name is None:
        return f"{advice}: none is found"
    pointer, size, text = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
    signatures: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "EVP_Digest": (ctypes.c_int, (text, size, pointer, pointer, pointer, pointer)),
        "EVP_MD_CTX_new": (pointer, ()),
        "EVP_MD_CTX_free": (None, (pointer,)),
        "EVP_PKEY_CTX_new": (pointer, (pointer, pointer)),
        "EVP_PKEY_CTX_free": (None, (pointer,)),
        "EVP_PKEY_CTX_set1_id": (ctypes.c_int, (pointer, text, ctypes.c_int)),
        "EVP_MD_CTX_set_pkey_ctx": (None, (pointer, pointer)),
        "EVP_DigestSignInit": (ctypes.c_int, (pointer, pointer, pointer, pointer, pointer)),
        "EVP_DigestVerifyInit": (ctypes.c_int, (pointer, pointer, pointer, pointer, pointer)),
        "EVP_DigestSign": (ctypes.c_int, (pointer, pointer, pointer, text, size)),
        "EVP_DigestVerify": (ctypes.c_int, (pointer, text, size, text, size)),
        "EVP_PKEY_free": (None, (pointer,)),
        "d2i_PUBKEY": (pointer, (pointer, pointer, ctypes.c_long)),
        "d2i_AutoPrivateKey": (pointer, (pointer, pointer, ctypes.c_long)),
        "i2d_PUBKEY": (ctypes.c_int, (pointer, pointer)),
        "CRYPTO_free": (None, (pointer, text, ctypes.c_int)),
        "ERR_clear_error": (None, ()),
        "EVP_sm3": (pointer, ()),
    }
    try:
        library = ctypes.CDLL(name)
        for function, (result, arguments) in signatures.items():
            getattr(library, function).restype = result
            getattr(library, function).argtypes = arguments
    except (OSError, AttributeError) as error:
        return f"{advice}: {name}: {error}"
    digest = library.EVP_sm3()
    if not digest:
        return f"{advice}: {name} was built without SM3"
    return library, digest
