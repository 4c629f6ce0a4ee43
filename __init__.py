"""talkbench: comparable, reproducible scores for talking-head generation.

>>> import talkbench
>>> results = talkbench.score("real/", {"Ours": "ours/"})  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bench.protocol import PROTOCOLS
    from .bench.results import Results
    from .bench.run import score
    from .metrics import METRICS

__version__ = "0.1.0"
__all__ = ["METRICS", "PROTOCOLS", "Results", "__version__", "score"]

_HOMES = {"METRICS": ".metrics", "PROTOCOLS": ".bench.protocol", "Results": ".bench.results", "score": ".bench.run"}


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import talkbench` stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name], __name__), name)
