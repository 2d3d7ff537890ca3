import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.can.frames import EXTENDED, FD, FD_LENGTHS, NONE, Frames, concat, frames

one = st.one_of(
    st.tuples(st.integers(0, 2**60), st.integers(0, 2**29 - 1), st.just(EXTENDED), st.binary(max_size=8)),
    st.tuples(
        st.integers(0, 2**60), st.integers(0, 0x7FF), st.just(FD),
        st.sampled_from(FD_LENGTHS).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
    ),
)  # fmt: skip


def make(rows):
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return frames(columns[0], columns[1], columns[2], [i % 3 for i in range(len(rows))], columns[3])


def rows(batch):
    return [
        (int(batch.t_ns[i]), int(batch.id[i]), int(batch.flags[i]), batch.payload(i))
        for i in range(len(batch))
    ]


@given(st.lists(one, max_size=20))
def test_bytes_and_back(given_rows):
    batch = make(given_rows)
    again = Frames.from_bytes(batch.to_bytes())
    assert rows(again) == given_rows
    assert again.bus.tolist() == batch.bus.tolist()


@given(st.lists(one, max_size=10), st.lists(one, max_size=10))
def test_concat_keeps_every_frame(a, b):
    assert rows(concat([make(a), NONE, make(b)])) == a + b


def test_selecting():
    batch = make([(t, t, EXTENDED if t % 2 else 0, bytes([t])) for t in range(6)])
    assert batch[2:4].id.tolist() == [2, 3]
    assert batch[batch.id > 3].id.tolist() == [4, 5]
    assert batch.keys().tolist() == [0, 1 | 1 << 31, 2, 3 | 1 << 31, 4, 5 | 1 << 31]
    assert batch.on_bus(4).bus.tolist() == [4] * 6


@given(st.binary(max_size=80))
def test_anything_else_is_refused(raw):
    with pytest.raises(ValueError, match="not frames"):
        Frames.from_bytes(raw)


def test_damage_is_refused():
    raw = make([(1, 2, 0, b"abc")]).to_bytes()
    for damaged in (raw[:-1], raw + b"\0", raw[:4] + b"\x09" + raw[5:]):
        with pytest.raises(ValueError):
            Frames.from_bytes(damaged)
    too_long = np.frombuffer(raw, np.uint8).copy()
    too_long[12 + 8 + 4 + 2 + 1] = 9
    with pytest.raises(ValueError, match="longer"):
        Frames.from_bytes(too_long.tobytes())
