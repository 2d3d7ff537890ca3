"""Keys and certificates in files: what is made, what is read, and what is refused with a reason."""

import os
import shutil
import stat

import pytest
from v2x_security_world import HOUR_NS, START_NS, at, authorities, tickets

from edge.config import UserError
from edge.v2x.security import SecurityError, Signer, Verifier, issue, load, read_signed, sm2
from edge.v2x.security.algorithms import BY_NAME

pytest.importorskip("cryptography")

NOW_NS = START_NS + HOUR_NS
POSIX = pytest.mark.skipif(os.name != "posix", reason="rights of files are those of POSIX")


def world(tmp_path, **wishes):
    root, authority = authorities()
    issue.write_root(tmp_path, root, authority, False)
    for name in ("a", "b"):
        issue.write_station(tmp_path, name, root, authority, tickets(2, **wishes), False)
    return tmp_path


def told(folder, utc_ns=NOW_NS):
    with pytest.raises(SecurityError) as error:
        load(folder, utc_ns)
    assert isinstance(error.value, UserError)
    return str(error.value)


@pytest.mark.parametrize("algorithm", ["p256", "brainpoolp384r1", "sm2"])
def test_two_stations_of_one_root_trust_each_other(algorithm, tmp_path):
    if algorithm == "sm2" and sm2.missing():
        pytest.skip(sm2.missing())
    world(tmp_path)
    issue.write_station(tmp_path, "c", *authorities(), tickets(2, algorithm, authorities()[1]), False)
    a, c = load(tmp_path / "a", NOW_NS), load(tmp_path / "c", NOW_NS)
    assert len(a.tickets) == len(c.tickets) == 2
    for sender, hearer in ((a, c), (c, a)):
        signed = read_signed(Signer(sender).sign(b"x", 36, at(3600)))
        assert Verifier(hearer).verify(signed, at(3600)) == signed.signer.hex()


@POSIX
def test_only_the_owner_can_read_what_is_written(tmp_path):
    world(tmp_path / "deep" / "pki")
    files = list((tmp_path / "deep").rglob("*"))
    assert len(files) == 1 + 3 + (2 + 2 + 1) + 2 * (2 * 2 + 2 + 1)
    for path in files:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path
    for path in tmp_path.rglob("README.txt"):
        assert "for tests" in path.read_text()
    assert not list(tmp_path.rglob(".*"))


@POSIX
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(mode, tmp_path):
    folder = world(tmp_path) / "a"
    (folder / "ticket-001.key").chmod(mode)
    assert "chmod 600" in told(folder)


def test_what_is_missing_or_damaged_is_named(tmp_path):
    folder = world(tmp_path) / "a"
    assert "no such directory" in told(tmp_path / "nobody")
    assert "choose one, as" in told(tmp_path)
    (folder / "ticket-001.key").rename(folder / "kept")
    assert "ticket-001.key" in told(folder)
    (folder / "ticket-001.key").write_bytes((folder / "ticket-002.key").read_bytes())
    (folder / "ticket-001.key").chmod(0o600)
    assert "another certificate" in told(folder)
    for text in (b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"):
        (folder / "ticket-001.key").write_bytes(text)
        assert "ticket-001.key" in told(folder)
    (folder / "ticket-001.key").write_bytes((folder / "kept").read_bytes())
    assert len(load(folder, NOW_NS).tickets) == 2
    (folder / "ticket-001.cert").write_bytes(b"\x80\x03\x00")
    assert "ticket-001.cert: is no certificate" in told(folder)
    (folder / "ticket-001.cert").unlink()
    (folder / "root.cert").unlink()
    assert "no root certificate" in told(folder)


def test_what_leads_to_no_root_is_refused(tmp_path):
    folder = world(tmp_path) / "a"
    strange = issue.make_root(BY_NAME["p256"], START_NS, 100)
    (folder / "root.cert").write_bytes(strange[0].certificate.encoded)
    assert "the issuer of icv-edge test authority is not there" in told(folder)
    (folder / "authority.cert").write_bytes(strange[1].certificate.encoded)
    assert "leads to no root" in told(folder)


def test_an_own_key_of_another_curve_is_refused(tmp_path):
    folder = world(tmp_path) / "a"
    other = tickets(algorithm="brainpoolp256r1", authority=authorities()[1])[0]
    (folder / "ticket-001.key").write_bytes(other.key.pem())
    assert "is not a key of p256" in told(folder)


def test_expired_tickets_are_left_out_and_named_when_none_is_left(tmp_path):
    folder = world(tmp_path, hours=2) / "a"
    assert len(load(folder, START_NS + HOUR_NS).tickets) == 2
    text = told(folder, START_NS + 2 * HOUR_NS)
    assert "expired: ticket-001.cert" in text
    assert "icv v2x pki" in text


def test_nothing_is_replaced_without_being_asked(tmp_path):
    world(tmp_path)
    before = (tmp_path / "a" / "ticket-001.key").read_bytes()
    with pytest.raises(SecurityError, match="--force"):
        issue.write_station(tmp_path, "a", *authorities(), tickets(1), False)
    assert (tmp_path / "a" / "ticket-001.key").read_bytes() == before
    issue.write_station(tmp_path, "a", *authorities(), tickets(1), True)
    assert (tmp_path / "a" / "ticket-001.key").read_bytes() != before
    assert not (tmp_path / "a" / "ticket-002.key").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"root", "a", "b"}


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    world(tmp_path)
    (tmp_path / "a" / "thesis.odt").write_text("years")
    with pytest.raises(SecurityError, match="other things"):
        issue.write_station(tmp_path, "a", *authorities(), tickets(1), True)
    assert (tmp_path / "a" / "thesis.odt").read_text() == "years"
    shutil.rmtree(tmp_path / "b")
    (tmp_path / "b").write_text("a file")
    with pytest.raises(SecurityError, match="other things"):
        issue.write_station(tmp_path, "b", *authorities(), tickets(1), True)


def test_when_writing_fails_nothing_half_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(
        issue.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(SecurityError, match="No space left"):
        world(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_certificates_of_a_station_say_nothing_about_it():
    first, second = (ticket.certificate for ticket in tickets(2))
    assert first.name == ""
    assert first.encoded[:40] == second.encoded[:40]
    assert first.algorithm is BY_NAME["p256"]
