"""Fetching over a real TLS connection, from servers that break off, lie, or forget how to go on."""

import hashlib
import http.server
import re
import shutil
import ssl
import subprocess
import threading

import pytest

from edge.vision import download
from edge.vision.download import DownloadError

DATA = b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(10_000))  # 320 kB
SHA256 = hashlib.sha256(DATA).hexdigest()

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder


class Server:
    """Serves DATA at every path, as `behave` says; `asked` are the Range headers that came, None without."""

    def __init__(self, folder):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append(self.headers.get("Range"))
                outer.behave.pop(0)(self) if outer.behave else good(self)

            def log_message(self, *args):
                pass

        self.asked = []
        self.behave = []
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self.http.handle_error = lambda request, address: None  # clients go away on purpose
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.address = f"https://localhost:{self.http.server_port}/model.onnx"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def good(handler, data=DATA, promised=None, sent=None, ranges=True):
    """What a well-behaved server does; sent: the connection ends after so many bytes."""
    found = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("Range") or "")
    first = int(found[1]) if found and ranges else 0
    if first:
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
    else:
        handler.send_response(200)
    handler.send_header("Content-Length", str(len(data) - first if promised is None else promised))
    handler.end_headers()
    handler.wfile.write(data[first : None if sent is None else first + sent])


def broken_after(count, **how):
    return lambda handler: good(handler, sent=count, **how)


def answers(code, **headers):
    def behave(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


@pytest.fixture
def server(certificate, monkeypatch):
    # Where OpenSSL looks for those whom it trusts: the rule that an address is https stays as it is.
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate / "cert.pem"))
    monkeypatch.setenv("no_proxy", "localhost")
    running = Server(certificate)
    yield running
    running.close()


@pytest.fixture
def fetch(server, tmp_path):
    """Fetches from the server, with pauses noted instead of made; returns what the file then is."""

    def run(address=None):
        to = tmp_path / "to/model.onnx"
        download.download(address or server.address, to, len(DATA), SHA256, wait=run.pauses.append)
        assert [path.name for path in to.parent.iterdir()] == ["model.onnx"]
        return to.read_bytes()

    run.pauses = []
    run.part = tmp_path / "to/model.onnx.part"
    return run


def test_a_file_comes_whole(fetch, server):
    assert fetch() == DATA
    assert server.asked == [None]


def test_no_bar_is_drawn_into_a_pipe(server, tmp_path, capsys):
    download.download(server.address, tmp_path / "model.onnx", len(DATA), SHA256, "model")
    assert capsys.readouterr().err == ""


def test_a_broken_connection_is_gone_on_with_from_where_it_broke(fetch, server):
    server.behave = [broken_after(100_000), broken_after(50_000)]
    assert fetch() == DATA
    assert server.asked == [None, "bytes=100000-", "bytes=150000-"]
    assert fetch.pauses == [], "each try brought something: no reason to wait"


def test_a_part_of_an_earlier_run_is_gone_on_with(fetch, server):
    fetch.part.parent.mkdir()
    fetch.part.write_bytes(DATA[:12_345])
    assert fetch() == DATA
    assert server.asked == ["bytes=12345-"]


def test_a_part_that_is_whole_is_not_asked_for(fetch, server):
    fetch.part.parent.mkdir()
    fetch.part.write_bytes(DATA)
    assert fetch() == DATA
    assert server.asked == []


def test_a_server_that_ignores_ranges_sends_all_again(fetch, server):
    fetch.part.parent.mkdir()
    fetch.part.write_bytes(DATA[:12_345])
    server.behave = [lambda handler: good(handler, ranges=False)]
    assert fetch() == DATA


def test_the_part_of_another_file_costs_one_more_fetch(fetch, server):
    fetch.part.parent.mkdir()
    fetch.part.write_bytes(b"x" * 1000)
    assert fetch() == DATA
    assert server.asked == ["bytes=1000-", None]


def test_a_part_longer_than_the_file_is_not_gone_on_with(fetch, server):
    fetch.part.parent.mkdir()
    fetch.part.write_bytes(b"x" * (len(DATA) + 1))
    assert fetch() == DATA
    assert server.asked == [None]


def test_a_range_that_cannot_be_satisfied_is_forgotten(fetch, server):
    fetch.part.parent.mkdir()
    fetch.part.write_bytes(DATA[:1000])
    server.behave = [answers(416)]
    assert fetch() == DATA
    assert server.asked == ["bytes=1000-", None]


def test_another_file_of_the_same_size_is_refused_and_removed(fetch, server):
    server.behave = [lambda handler: good(handler, data=DATA[::-1])] * 2
    with pytest.raises(DownloadError, match=f"refused: .* expected {SHA256}"):
        fetch()
    assert not fetch.part.exists()


def test_a_file_of_another_size_is_refused_before_it_is_loaded(fetch, server):
    server.behave = [lambda handler: good(handler, data=DATA + b"more")]
    with pytest.raises(DownloadError, match="promises 320004 bytes, expected 320000"):
        fetch()
    assert not fetch.part.exists()


def test_a_server_that_sends_more_than_it_promised_is_refused(fetch, server):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(DATA * 3)

    server.behave = [endless]
    with pytest.raises(DownloadError, match="sends more than the 320000 bytes"):
        fetch()
    assert not fetch.part.exists()


def test_a_part_of_another_file_than_asked_for_is_refused(fetch, server):
    fetch.part.parent.mkdir()
    fetch.part.write_bytes(DATA[:1000])
    server.behave = [answers(206, **{"Content-Range": "bytes 0-99/100"})]
    with pytest.raises(DownloadError, match="answers 'bytes 0-99/100'"):
        fetch()


def test_what_is_not_there_says_what_to_do_at_once(fetch, server):
    server.behave = [answers(404)]
    with pytest.raises(DownloadError, match=r"answers 404 Not Found; .*--from DIR"):
        fetch()
    assert server.asked == [None]


def test_a_server_in_trouble_is_asked_three_times(fetch, server):
    server.behave = [answers(503)] * 3
    with pytest.raises(DownloadError, match="503"):
        fetch()
    assert len(server.asked) == 3
    assert fetch.pauses == list(download.PAUSES_S)
    server.behave = [answers(503)]
    assert fetch() == DATA


def test_what_came_is_kept_when_we_give_up(fetch, server):
    server.behave = [broken_after(70_000), *[answers(503)] * 3]
    with pytest.raises(DownloadError, match="70000 of 320000 bytes are kept"):
        fetch()
    assert fetch.part.read_bytes() == DATA[:70_000]
    assert fetch() == DATA
    assert server.asked[-1] == "bytes=70000-"


def test_a_redirect_is_followed_to_https_only(fetch, server):
    server.behave = [answers(302, Location="/other")]
    assert fetch() == DATA
    (fetch.part.parent / "model.onnx").unlink()
    server.behave = [answers(302, Location="http://localhost:1/model")]
    with pytest.raises(DownloadError, match="sends us on to http://localhost:1/model, which is not https"):
        fetch()


def test_an_address_that_is_not_https_is_refused(fetch, server):
    with pytest.raises(DownloadError, match="not https"):
        fetch(server.address.replace("https", "http"))


def test_a_server_whom_nobody_vouches_for_is_refused(fetch, server, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(DownloadError, match="certificate"):
        fetch()
    assert server.asked == []


def test_no_network_says_what_to_do(fetch):
    with pytest.raises(DownloadError, match=r"cannot be fetched from https://localhost:9/.*--from DIR"):
        fetch("https://localhost:9/model.onnx")
