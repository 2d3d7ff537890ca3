"""What the tests of all formats ask of a log."""

import numpy as np

from edge.can.frames import concat
from edge.can.logs.reader import read_log


def read(path):
    log = read_log(path)
    return log, concat(list(log))


def seen(batch, buses):
    return [
        (
            int(batch.t_ns[i]), int(batch.id[i]), int(batch.flags[i]), buses[batch.bus[i]],
            int(batch.length[i]), batch.payload(i),
        )
        for i in range(len(batch))
    ]  # fmt: skip


def mask(batch, i):
    """Changes data within its length."""
    return np.where(np.arange(batch.data.shape[1]) < batch.length[:, None], np.uint8(i), np.uint8(0))
