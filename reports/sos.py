"""How spread out opinions are: the parameter a of the SOS hypothesis (Hossfeld, Schatz & Egger 2011).

The variance of a stimulus's scores is taken to be a · (highest - MOS) (MOS - lowest): a is 0 where all agree and 1
where every score is one end of the scale or the other. a is the slope through the origin, by least squares.
"""

from __future__ import annotations

import numpy as np

from .intervals import Floats


def sos(ratings: Floats, *, lowest: float = 1, highest: float = 10) -> float | None:
    """Fit a to `ratings` (raters, stimuli), NaN where missing; None without a stimulus of two scores off the ends.

    >>> sos(np.array([[4.0], [6.0]]))
    0.1
    """
    counts = (~np.isnan(ratings)).sum(axis=0)
    chosen = ratings[:, counts > 1]
    if not chosen.size:
        return None
    mos = np.nanmean(chosen, axis=0)
    room = (highest - mos) * (mos - lowest)
    if not (room > 0).any():
        return None
    return float(np.sum(room * np.nanvar(chosen, axis=0, ddof=1)) / np.sum(room**2))
