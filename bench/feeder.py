"""A process of its own that puts quotes on a shared ring at a steady pace."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from alphaforge.engine import messages as M
from alphaforge.engine.ring import Ring

path, count, pause = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
ring = Ring(path=path, create=False)
quote = np.zeros(1, M.SLOT)
quote["kind"], quote["a"], quote["b"], quote["c"], quote["d"] = M.QUOTE, 100, 1, 101, 1
for n in range(count):
    quote["seq"] = n
    quote["ts"] = quote["ts_recv"] = time.time_ns()
    ring.push(quote)
    time.sleep(pause)
