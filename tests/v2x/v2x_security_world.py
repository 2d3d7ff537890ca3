"""A root, an authority and two stations in memory, for the tests of security."""

from functools import cache

from edge.v2x.moments import Now
from edge.v2x.security import Signer, Store, Verifier, issue
from edge.v2x.security.algorithms import BY_NAME

START_NS = 1_800_000_000 * 10**9
HOUR_NS = 3600 * 10**9
PLACE = (481_000_000, 115_000_000)


def at(seconds: float = 1.0) -> Now:
    """So long after the certificates begin."""
    return Now(round(seconds * 1e9), START_NS + round(seconds * 1e9))


def authorities(algorithm="p256"):
    return _authorities(algorithm)


@cache
def _authorities(algorithm):
    return issue.make_root(BY_NAME[algorithm], START_NS, 65_535)


def tickets(count=1, algorithm="p256", authority=None, **wishes):
    authority = authority or authorities(algorithm)[1]
    given = {"algorithm": BY_NAME[algorithm], "start_ns": START_NS, "tickets": count, **wishes}
    return issue.make_tickets(authority, issue.Wishes(**given))


def store(own=(), algorithm="p256", trusted=None):
    root, authority = trusted or authorities(algorithm)
    return Store((root.certificate,), (authority.certificate,), tuple(own))


def pair(algorithm="p256", settings=None, **wishes):
    """A Signer with one ticket and a Verifier of another station."""
    return (
        Signer(store(tickets(algorithm=algorithm, **wishes), algorithm)),
        Verifier(store(algorithm=algorithm), settings),
    )
