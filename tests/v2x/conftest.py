"""Keys for the tests of the signed exchange."""

import pytest
from v2x_security_world import START_NS

from edge.v2x.security import issue
from edge.v2x.security.algorithms import BY_NAME
from edge.v2x.security.permissions import Ssp
from edge.v2x.security.region import Circle, Region


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Stations "a", "b", "c" ... of one root, and of another root "stranger"."""
    pytest.importorskip("cryptography")
    folder = tmp_path_factory.mktemp("keys")
    algorithm = BY_NAME["p256"]
    ours, theirs = (issue.make_root(algorithm, START_NS, 1000) for _ in range(2))
    far = Region((Circle((0, 0), 1000),))
    wishes = {
        "a": {}, "b": {}, "c": {}, "me": {},
        "far": {"region": far},
        "mute": {"permissions": {141: Ssp()}},
        "stranger": {},
    }  # fmt: skip
    for name, more in wishes.items():
        root, authority = theirs if name == "stranger" else ours
        wish = issue.Wishes(algorithm=algorithm, start_ns=START_NS, hours=100, tickets=2, **more)
        issue.write_station(folder, name, root, authority, issue.make_tickets(authority, wish), False)
    return folder
