"""A small MQTT 3.1.1 broker for tests: CONNECT, SUBSCRIBE to plain topics and #, PUBLISH of QoS 0, PING."""

import contextlib
import socket
import threading


class Broker:
    """refuse: the return code that every CONNECT is answered with; seen: the CONNECT packets."""

    def __init__(self, port=0, context=None, refuse=0):
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._context, self._refuse = context, refuse
        self._lock = threading.Lock()
        self._clients = {}  # socket -> topics
        self.seen = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._serve, args=(client,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, client):
        with contextlib.suppress(OSError, EOFError):
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
            with self._lock:
                self._clients[client] = []
            while True:
                self._packet(client, *_read(client))
        with self._lock:
            self._clients.pop(client, None)
        client.close()

    def _packet(self, client, kind, body):
        if kind >> 4 == 1:
            self.seen.append(body)
            client.sendall(bytes((0x20, 2, 0, self._refuse)))
        elif kind >> 4 == 8:
            at, topics = 2, []
            while at < len(body):
                size = int.from_bytes(body[at : at + 2], "big")
                topics.append(body[at + 2 : at + 2 + size].decode())
                at += size + 3
            with self._lock:
                self._clients[client] += topics
            client.sendall(bytes((0x90, 2 + len(topics))) + body[:2] + bytes(len(topics)))
        elif kind >> 4 == 3:
            size = int.from_bytes(body[:2], "big")
            topic = body[2 : 2 + size].decode()
            with self._lock:
                takers = [c for c, topics in self._clients.items() if _matches(topic, topics)]
            for taker in takers:
                with contextlib.suppress(OSError):
                    taker.sendall(bytes((0x30,)) + _length(len(body)) + body)
        elif kind >> 4 == 12:
            client.sendall(bytes((0xD0, 0)))
        elif kind >> 4 == 14:
            raise EOFError

    def subscribed(self):
        with self._lock:
            return sum(len(topics) for topics in self._clients.values())

    def drop_all(self):
        """Cut every connection."""
        with self._lock:
            for client in self._clients:
                with contextlib.suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def close(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_all()
        for thread in self._threads:
            thread.join(2)


def _matches(topic, filters):
    return any(f == topic or (f.endswith("#") and topic.startswith(f[:-1])) for f in filters)


def _exactly(client, count):
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _read(client):
    kind = _exactly(client, 1)[0]
    length = shift = 0
    while True:
        octet = _exactly(client, 1)[0]
        length |= (octet & 0x7F) << shift
        shift += 7
        if octet < 0x80:
            return kind, _exactly(client, length)


def _length(count):
    out = b""
    while True:
        count, low = count >> 7, count & 0x7F
        out += bytes((low | (0x80 if count else 0),))
        if not count:
            return out
