"""The lag histogram of the kernel thread: eight buckets an octave, read as percentiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alphaforge.engine import layout as L


def bucket_edges() -> npt.NDArray[np.float64]:
    """The lowest lag of each bucket, ns; the inverse of ``thread.lag_bucket``."""
    index = np.arange(L.LAG_BUCKETS)
    octave = index // 8 + 2
    edges = (8 + index % 8) * 2.0 ** (octave - 3)
    return np.where(index < 8, index, edges).astype(np.float64)


_EDGES = bucket_edges()


def lag_percentile(counts: npt.NDArray[Any], share: float) -> float:
    """The lag below which ``share`` of the messages came, ns, to 12 %; NaN without any."""
    total = int(counts.sum())
    if total == 0:
        return float("nan")
    at = int(np.searchsorted(np.cumsum(counts), share * total))
    return float(_EDGES[min(at + 1, L.LAG_BUCKETS - 1)])
