"""icv v2x pki as a person meets it."""

import json

import pytest

from edge import clock
from edge.cli.main import main

pytest.importorskip("cryptography")


def pki(capsys, *arguments):
    """Status, output and complaints."""
    try:
        status = main(["v2x", "pki", *map(str, arguments)])
    except SystemExit as end:
        status = end.code
    found = capsys.readouterr()
    return status, found.out, found.err


def test_stations_of_one_desk(tmp_path, capsys):
    from edge.v2x.moments import Now
    from edge.v2x.security import Signer, Verifier, load, read_signed

    status, out, err = pki(capsys, tmp_path / "pki", "--station", "one", "--station", "two", "--tickets", "2")
    assert (status, err) == (0, "")
    assert f'directory = "{tmp_path / "pki" / "one"}"' in out
    assert pki(capsys, tmp_path / "pki", "--station", "later")[0] == 0
    now = Now(0, clock.utc_ns())
    stores = [load(tmp_path / "pki" / name, now.utc_ns) for name in ("one", "two", "later")]
    assert [len(store.tickets) for store in stores] == [2, 2, 4]
    for sender in stores:
        data = Signer(sender).sign(b"x", 36, now)
        for hearer in stores:
            Verifier(hearer).verify(read_signed(data), now)


def test_it_refuses_to_overwrite_and_says_how(tmp_path, capsys):
    assert pki(capsys, tmp_path)[0] == 0
    status, _, err = pki(capsys, tmp_path)
    assert status == 2
    assert "--force" in err
    assert pki(capsys, tmp_path, "--force")[0] == 0


def test_count_and_json(tmp_path, capsys):
    status, out, _ = pki(capsys, tmp_path, "--count", "3", "--tickets", "1", "--json")
    assert status == 0
    assert json.loads(out)["stations"] == [str(tmp_path / f"station-{n}") for n in (1, 2, 3)]


def test_show_prints_what_a_certificate_says(tmp_path, capsys):
    options = ["--aid", "36:010240", "--aid", "111", "--circle", "48.1,11.5,5000", "--hours", "24"]
    assert pki(capsys, tmp_path, "--algorithm", "brainpoolp256r1", *options)[0] == 0
    status, out, _ = pki(capsys, "--show", tmp_path / "car" / "ticket-001.cert")
    assert status == 0
    for part in ("pseudonym", "brainpoolp256r1", "36 bitmap 010240", "111", "5000 m around 48.1", "issuer"):
        assert part in out
    _, out, _ = pki(capsys, "--show", tmp_path / "root" / "root.cert", "--json")
    assert json.loads(out)["issuer"] == "itself"
    assert json.loads(out)["may issue"] == ["everything"]


@pytest.mark.parametrize("option", [["--rectangle", "48.2,11.4,48.0,11.6"], ["--country", "276"]])
def test_other_regions(option, tmp_path, capsys):
    assert pki(capsys, tmp_path, *option)[0] == 0
    _, out, _ = pki(capsys, "--show", tmp_path / "car" / "ticket-001.cert")
    assert "48.2000000" in out or "country 276" in out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["DIR", "--show", "x"],
        ["--show", "nosuch.cert"],
        ["--show", __file__],
        ["DIR", "--station", "../evil"],
        ["DIR", "--station", "root"],
        ["DIR", "--station", ""],
        ["DIR", "--tickets", "0"],
        ["DIR", "--hours", "x"],
        ["DIR", "--aid", "car"],
        ["DIR", "--aid", "36:"],
        ["DIR", "--aid", "36:" + "00" * 32],
        ["DIR", "--aid", "-1"],
        ["DIR", "--circle", "48,11"],
        ["DIR", "--circle", "98,11,5"],
        ["DIR", "--circle", "48,11,70000"],
        ["DIR", "--circle", "48,nan,5"],
        ["DIR", "--rectangle", "1,2,3,4"],
        ["DIR", "--circle", "48,11,5", "--country", "276"],
        ["DIR", "--algorithm", "rsa"],
    ],
)
def test_what_cannot_be_is_said_without_a_trace(arguments, tmp_path, capsys):
    directory = tmp_path / "pki"
    status, out, err = pki(capsys, *(directory if a == "DIR" else a for a in arguments))
    assert (status, out) == (2, "")
    assert err
    assert "Traceback" not in err
    assert not directory.exists()


def test_a_directory_that_cannot_be_made(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    status, _, err = pki(capsys, tmp_path / "file" / "pki")
    assert status == 2
    assert str(tmp_path / "file") in err
