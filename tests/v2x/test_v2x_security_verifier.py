"""Who is believed and who is refused, by name: one story each."""

import msgspec
import pytest
from v2x_security_world import HOUR_NS, PLACE, START_NS, at, authorities, pair, store, tickets

from edge.config import V2xSecurity
from edge.v2x.moments import Now
from edge.v2x.security import Requests, Signer, Verifier, issue, read_signed, sm2
from edge.v2x.security.algorithms import BY_NAME
from edge.v2x.security.permissions import Group, Range, Ssp
from edge.v2x.security.region import Circle, Polygon, Rectangle, Region
from edge.v2x.uper import CodecError

pytest.importorskip("cryptography")

CAM, DENM = 36, 37
NEEDS_SM2 = pytest.mark.skipif(bool(sm2.missing()), reason=sm2.missing() or "SM2 is here")
EVERY = ["p256", "brainpoolp256r1", "brainpoolp384r1", "p384", pytest.param("sm2", marks=NEEDS_SM2)]


def refused(verifier, data, now, place=None, aid=None):
    """The reason."""
    with pytest.raises(CodecError) as error:
        verifier.verify(read_signed(data), now, place, aid)
    return error.value.reason


@pytest.mark.parametrize("algorithm", EVERY)
def test_a_certificate_once_a_second_and_its_digest_between(algorithm):
    signer, verifier = pair(algorithm)
    whole = []
    for tenth in range(25):
        now = at(1 + tenth / 10)
        signed = read_signed(signer.sign(b"payload", CAM, now))
        assert verifier.verify(signed, now, aid=CAM) == signer.digest
        assert signed.payload == b"payload"
        whole += [tenth] if signed.certificate else []
    assert whole == [0, 10, 20]


def test_an_event_carries_certificate_and_place_always():
    signer, verifier = pair()
    for seconds in (1, 1.1, 1.2):
        signed = read_signed(signer.sign(b"event", DENM, at(seconds), PLACE))
        assert signed.certificate is not None
        assert signed.place == PLACE
        verifier.verify(signed, at(seconds), aid=DENM)
    with pytest.raises(CodecError) as error:
        signer.sign(b"event", DENM, at(2))
    assert error.value.reason == "unencodable"


def test_forged():
    """Not one octet that is signed may be changed; nor may it be another's, nor under another's digest."""
    signer, verifier = pair()
    other = Signer(store(tickets()))
    genuine = signer.sign(b"brake", CAM, at(1))
    verifier.verify(read_signed(genuine), at(1))
    digest = signer.sign(b"brake", CAM, at(1.1))
    assert refused(verifier, digest.replace(b"brake", b"drive"), at(1.1)) == "forged"
    late = bytearray(digest)
    late[-1] ^= 1
    assert refused(verifier, bytes(late), at(1.1)) == "forged"
    borrowed = other.sign(b"brake", CAM, at(1))
    borrowed = other.sign(b"brake", CAM, at(1.1)).replace(
        bytes.fromhex(other.digest), bytes.fromhex(signer.digest)
    )
    assert refused(verifier, borrowed, at(1.1)) == "forged"
    assert verifier.verify(read_signed(digest), at(1.1)) == signer.digest


def test_forged_certificate_and_one_of_a_stranger():
    signer, verifier = pair()
    data = bytearray(signer.sign(b"x", CAM, at(1)))
    at_key = bytes(data).index(tickets_point(signer))
    data[at_key + 5] ^= 1
    assert refused(verifier, bytes(data), at(1)) == "forged"
    strange = issue.make_root(BY_NAME["p256"], START_NS, 100)
    stranger = Signer(store(tickets(authority=strange[1]), trusted=strange))
    assert refused(verifier, stranger.sign(b"x", CAM, at(1)), at(1)) == "untrusted"
    assert not verifier.knows(bytes.fromhex(stranger.digest))


def tickets_point(signer):
    return read_signed(signer.sign(b"x", DENM, at(0.5), PLACE)).certificate.point[1:]


def test_replayed():
    signer, verifier = pair()
    data = signer.sign(b"x", CAM, at(1))
    verifier.verify(read_signed(data), at(1))
    assert refused(verifier, data, at(1.5)) == "replayed"
    assert refused(verifier, data, at(30)) == "expired"


def test_replayed_with_the_other_s_that_signs_the_same():
    signer, verifier = pair()
    signed = read_signed(signer.sign(b"x", CAM, at(1)))
    verifier.verify(signed, at(1))
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    turned = (order - int.from_bytes(signed.s, "big")).to_bytes(32, "big")
    with pytest.raises(CodecError, match="heard before"):
        verifier.verify(msgspec.structs.replace(signed, s=turned), at(1))


def test_the_memory_of_what_was_heard_is_bounded():
    signer, verifier = pair(settings=V2xSecurity(replays=10))
    first = signer.sign(b"first", CAM, at(1))
    verifier.verify(read_signed(first), at(1))
    for n in range(20):
        verifier.verify(read_signed(signer.sign(b"%d" % n, CAM, at(1))), at(1))
    with pytest.raises(CodecError, match="heard before"):
        verifier.verify(read_signed(signer.sign(b"19", CAM, at(1))), at(1))
    verifier.verify(read_signed(first), at(1))  # forgotten, as the docstring says


def test_expired_and_future_messages():
    signer, verifier = pair(settings=V2xSecurity(max_age_s=2.0, max_ahead_s=0.5, max_event_age_s=600.0))
    data = signer.sign(b"x", CAM, at(10))
    assert refused(verifier, data, at(12.1)) == "expired"
    assert refused(verifier, data, at(9.4)) == "future"
    verifier.verify(read_signed(data), at(9.6))
    event = signer.sign(b"x", DENM, at(10), PLACE)
    assert refused(verifier, event, at(611)) == "expired"
    verifier.verify(read_signed(event), at(609))


def test_expired_and_future_certificates():
    signer, verifier = pair(hours=1)
    with pytest.raises(CodecError) as error:
        signer.sign(b"x", CAM, at(3600))
    assert error.value.reason == "expired"
    last = at(3599.9)
    data = signer.sign(b"x", CAM, last)
    verifier.verify(read_signed(data), Now(last.t_ns, START_NS + HOUR_NS + 10**9))
    for seconds, reason in ((3601, "expired"), (-1, "future")):
        signer._valid = lambda utc_ns: signer._tickets[0]  # one who signs although his ticket is not good
        assert refused(verifier, signer.sign(b"x", CAM, at(seconds)), at(seconds)) == reason
        fresh = Verifier(store())
        assert refused(fresh, signer.sign(b"x", DENM, at(seconds), PLACE), at(seconds)) == reason


def test_permission():
    signer, verifier = pair(permissions={CAM: Ssp(b"\1\0\0", True)})
    data = signer.sign(b"x", CAM, at(1))
    assert refused(verifier, data, at(1), aid=DENM) == "permission"
    verifier.verify(read_signed(data), at(1), aid=CAM)
    with pytest.raises(CodecError) as error:
        signer.sign(b"x", DENM, at(1), PLACE)
    assert error.value.reason == "permission"
    signer._tickets[0].certificate.permissions[DENM] = Ssp()  # he signs nevertheless
    assert refused(verifier, signer.sign(b"x", DENM, at(1), PLACE), at(1)) == "permission"


def test_an_authority_may_not_give_more_than_it_has():
    root, _ = authorities()
    car = {CAM: Range(value=b"\1\0\0", mask=b"\xff\xff\xff"), DENM: Range(opaque=(b"",))}
    narrow = issue._issue(
        root, BY_NAME["p256"], name="narrow", start_ns=START_NS, hours=10, issues=(Group(car),)
    )
    trusted = root, narrow

    def sent(permissions):
        signer = Signer(store(tickets(authority=narrow, permissions=permissions), trusted=trusted))
        return signer.sign(b"x", CAM, at(1))

    verifier = Verifier(store(trusted=trusted))
    verifier.verify(read_signed(sent({CAM: Ssp(b"\1\0\0", True)})), at(1))
    assert refused(verifier, sent({CAM: Ssp(b"\1\2\0", True)}), at(1)) == "permission"
    assert refused(verifier, sent({CAM: Ssp(b"\1\0\0", True), 139: Ssp()}), at(1)) == "permission"
    assert refused(verifier, sent({CAM: Ssp(b"\1\0\0", True), DENM: Ssp(b"\1", True)}), at(1)) == "permission"
    issuing_ticket = tickets(authority=narrow, permissions={CAM: Ssp(b"\1\0\0", True)})[0]
    grandchild = tickets(authority=issuing_ticket, permissions={CAM: Ssp(b"\1\0\0", True)})
    signer = Signer(store(grandchild, trusted=trusted))
    verifier._chain._add(issuing_ticket.certificate, verifier._chain.check(issuing_ticket.certificate))
    assert refused(verifier, signer.sign(b"x", CAM, at(1)), at(1)) == "untrusted"


def test_the_chain_of_a_root_may_not_be_longer_than_it_says():
    _, authority = authorities()  # the root: 1 to 2 certificates down
    below = issue._issue(
        authority,
        BY_NAME["p256"],
        name="below",
        start_ns=START_NS,
        hours=9,
        issues=(Group({CAM: Range()}),),
    )
    with pytest.raises(CodecError) as error:
        Verifier(msgspec.structs.replace(store(), authorities=(authority.certificate, below.certificate)))
    assert error.value.reason == "permission"


def test_an_authority_that_is_over_takes_its_tickets_with_it():
    root, _ = authorities()
    short = issue._issue(root, BY_NAME["p256"], name="", start_ns=START_NS, hours=1, issues=(Group(None),))
    trusted = root, short
    signer, verifier = (
        Signer(store(tickets(authority=short), trusted=trusted)),
        Verifier(store(trusted=trusted)),
    )
    verifier.verify(read_signed(signer.sign(b"x", CAM, at(3000))), at(3000))
    assert refused(verifier, signer.sign(b"x", CAM, at(4000)), at(4000)) == "expired"


NORTH_EAST = (PLACE[0] + 60_000, PLACE[1] + 60_000)  # 0.67 km north, 0.45 km east
REGIONS = {
    "circle": Region((Circle(PLACE, 500),)),
    "rectangle": Region((Rectangle((PLACE[0] + 30_000, PLACE[1] - 9), (PLACE[0] - 9, PLACE[1] + 30_000)),)),
    "polygon": Region((Polygon((PLACE, (PLACE[0] + 90_000, PLACE[1]), (PLACE[0], PLACE[1] + 90_000))),)),
}


@pytest.mark.parametrize("name", REGIONS)
def test_region(name):
    inside = (PLACE[0] + 2_000, PLACE[1] + 2_000)
    signer, verifier = pair(region=REGIONS[name])
    first = signer.sign(b"x", CAM, at(1))
    for known in (False, True):
        assert refused(verifier, first, at(1)) == "region"
        assert refused(verifier, first, at(1), NORTH_EAST) == "region"
        if not known:
            verifier.verify(read_signed(first), at(1), inside)
            first = signer.sign(b"x", CAM, at(1.1))
    assert refused(verifier, signer.sign(b"x", DENM, at(1), NORTH_EAST), at(1), inside) == "region"
    verifier.verify(read_signed(signer.sign(b"x", DENM, at(1), inside)), at(1))


def test_region_of_a_country_needs_to_be_told_where_we_are():
    wishes = {"region": Region(countries=(156, 276))}
    for countries, trusted in (((), False), ((250,), False), ((276,), True)):
        signer, verifier = pair(settings=V2xSecurity(countries=countries), **wishes)
        data = signer.sign(b"x", CAM, at(1))
        if trusted:
            verifier.verify(read_signed(data), at(1), PLACE)
        else:
            assert refused(verifier, data, at(1), PLACE) == "region"


def test_shapes_over_the_edge_of_the_map():
    fiji = Rectangle((-150_000_000, 1_770_000_000), (-200_000_000, -1_780_000_000))
    assert fiji.contains((-170_000_000, 1_790_000_000))
    assert fiji.contains((-170_000_000, -1_790_000_000))
    assert not fiji.contains((-170_000_000, 0))
    assert Circle((0, 1_799_999_000), 100).contains((0, -1_799_999_000))
    assert not Circle((0, 1_799_999_000), 10).contains((0, -1_799_999_000))


def test_unknown_signer_is_asked_for_and_answers():
    """A hears a digest it does not know, asks in its next CAM, and B sends its certificate at once."""
    a = Requests()
    verifier_a, signer_a = Verifier(store(), None, a), Signer(store(tickets()), a)
    b = Requests()
    verifier_b, signer_b = Verifier(store(), None, b), Signer(store(tickets()), b)
    verifier_b.verify(read_signed(signer_a.sign(b"a", CAM, at(1))), at(1))
    signer_b.sign(b"b", CAM, at(1))  # with the certificate, lost on the way
    assert refused(verifier_a, signer_b.sign(b"b", CAM, at(1.1)), at(1.1)) == "unknown signer"
    asking = read_signed(signer_a.sign(b"a", CAM, at(1.2)))
    assert asking.wanted == (bytes.fromhex(signer_b.digest)[-3:],)
    assert read_signed(signer_a.sign(b"a", CAM, at(1.25))).wanted == ()
    verifier_b.verify(asking, at(1.2))
    answer = read_signed(signer_b.sign(b"b", CAM, at(1.3)))
    assert answer.certificate is not None
    assert verifier_a.verify(answer, at(1.3)) == signer_b.digest
    assert verifier_a.verify(read_signed(signer_b.sign(b"b", CAM, at(1.4))), at(1.4)) == signer_b.digest


def test_an_unknown_authority_is_asked_for_and_learned():
    root, ours = authorities()
    theirs = issue._issue(root, BY_NAME["p256"], name="b", start_ns=START_NS, hours=9, issues=(Group(None),))
    a, b = Requests(), Requests()
    verifier_a, signer_a = Verifier(store(), None, a), Signer(store(tickets()), a)
    both = msgspec.structs.replace(
        store(tickets(authority=theirs)), authorities=(theirs.certificate, ours.certificate)
    )
    verifier_b, signer_b = Verifier(both, None, b), Signer(both, b)
    assert refused(verifier_a, signer_b.sign(b"b", CAM, at(1)), at(1)) == "untrusted"
    verifier_b.verify(read_signed(signer_a.sign(b"a", CAM, at(1.1))), at(1.1))
    answer = read_signed(signer_b.sign(b"b", CAM, at(1.2)))
    assert answer.brought == theirs.certificate.encoded
    # A trusts nobody who sends it yet; another station of its own authority, which knows both, passes it on.
    helper = Signer(msgspec.structs.replace(both, tickets=tuple(tickets(authority=ours))), b)
    helper.sign(b"h", CAM, at(1.2))
    b.asked(theirs.certificate.digest[-3:])
    verifier_a.verify(read_signed(helper.sign(b"h", DENM, at(1.25), PLACE)), at(1.25))
    brought = read_signed(helper.sign(b"h", CAM, at(1.3)))
    assert brought.brought == theirs.certificate.encoded
    verifier_a.verify(brought, at(1.3))
    verifier_a.verify(read_signed(signer_b.sign(b"b", DENM, at(1.4), PLACE)), at(1.4))


def test_a_whole_chain_may_come_with_a_message():
    """As IEEE 1609.2 allows: what leads to a root that we trust is learned with it."""
    root, _ = authorities()
    theirs = issue._issue(root, BY_NAME["p256"], name="b", start_ns=START_NS, hours=9, issues=(Group(None),))

    def sent(chain, ticket):
        """Its signature covers no certificate but the ticket's, so others can be put behind it."""
        data = Signer(store([ticket])).sign(b"x", CAM, at(1))
        whole = ticket.certificate.encoded
        more = b"".join(each.certificate.encoded for each in chain)
        return data.replace(b"\1\1" + whole, bytes((1, 1 + len(chain))) + whole + more)

    ticket = tickets(authority=theirs)[0]
    assert refused(Verifier(store()), sent([], ticket), at(1)) == "untrusted"
    for chain in ([theirs], [theirs, root]):
        verifier = Verifier(store())
        signed = read_signed(sent(chain, ticket))
        assert [each.name for each in signed.above] == [each.certificate.name for each in chain]
        assert verifier.verify(signed, at(1)) == ticket.certificate.digest.hex()
    strange = issue.make_root(BY_NAME["p256"], START_NS, 100)
    stranger = tickets(authority=strange[1])[0]
    for chain in (strange[::-1], [strange[1]], [strange[1], root], [root]):
        assert refused(Verifier(store()), sent(chain, stranger), at(1)) == "untrusted"
    with pytest.raises(CodecError, match="more than 4"):
        read_signed(sent([theirs] * 4, ticket))


def test_what_others_bring_that_leads_to_no_root_is_not_learned():
    strange = issue.make_root(BY_NAME["p256"], START_NS, 100)
    requests = Requests()
    both = msgspec.structs.replace(store(tickets()), authorities=(strange[1].certificate,))
    signer, verifier = Signer(both, requests), Verifier(store())
    verifier.verify(read_signed(signer.sign(b"x", CAM, at(1))), at(1))
    requests.asked(strange[1].certificate.digest[-3:])
    data = signer.sign(b"x", CAM, at(1.1))
    verifier.verify(read_signed(data), at(1.1))
    stranger = Signer(store(tickets(authority=strange[1]), trusted=strange))
    assert refused(verifier, stranger.sign(b"x", CAM, at(1)), at(1)) == "untrusted"


def test_without_time_or_an_event_without_place_keeps_no_profile():
    signer, verifier = pair()
    signed = read_signed(signer.sign(b"x", DENM, at(1), PLACE))
    for change in ({"generated_ns": None}, {"place": None}):
        with pytest.raises(CodecError) as error:
            verifier.verify(msgspec.structs.replace(signed, **change), at(1))
        assert error.value.reason == "profile"


def test_pseudonyms_change_and_the_new_one_shows_its_certificate():
    signer = Signer(store(tickets(3)))
    verifier = Verifier(store())
    seen = set()
    for n in range(3):
        signed = read_signed(signer.sign(b"x", CAM, at(1 + n / 10)))
        assert signed.certificate is not None
        seen.add(verifier.verify(signed, at(1 + n / 10)))
        signer.change()
    assert len(seen) == 3
    assert signer.digest in seen


def test_remembered_certificates_are_bounded():
    verifier = Verifier(store(), V2xSecurity(certificates=3))
    for ticket in tickets(5):
        verifier.verify(read_signed(Signer(store([ticket])).sign(b"x", CAM, at(1))), at(1))
    assert len(verifier._known) == 3


def test_what_needs_no_cryptography_is_refused_before_it_waits(monkeypatch):
    """Old, replayed, of strangers, elsewhere: `check` says so and verifies nothing; the forged pass it."""
    signer, verifier = pair(region=REGIONS["circle"])
    genuine = signer.sign(b"x", CAM, at(1))
    verifier.verify(read_signed(genuine), at(1), PLACE)
    strange = issue.make_root(BY_NAME["p256"], START_NS, 100)
    stranger = Signer(store(tickets(authority=strange[1]), trusted=strange))
    data = [
        (genuine, PLACE, "replayed"),
        (signer.sign(b"y", CAM, at(1)), NORTH_EAST, "region"),
        (signer.sign(b"y", CAM, at(0)), PLACE, "expired"),
        (stranger.sign(b"y", CAM, at(1)), PLACE, "untrusted"),
        (stranger.sign(b"y", CAM, at(1)), PLACE, "unknown signer"),
    ]
    monkeypatch.setattr(verifier._chain, "check", None)
    monkeypatch.setattr("edge.v2x.security.algorithms._EcdsaPublic.verify", None)
    for octets, place, reason in data:
        with pytest.raises(CodecError) as error:
            verifier.check(read_signed(octets), at(4 if reason == "expired" else 1), place)
        assert error.value.reason == reason
    forged = signer.sign(b"brake", CAM, at(1.5)).replace(b"brake", b"drive")
    verifier.check(read_signed(forged), at(1.5), PLACE)
