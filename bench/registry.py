"""Which metrics there are: talkbench's own, those that installed packages bring, and those in a file of the user's.

A package brings metrics by the entry point group `talkbench.metrics`, each entry naming a `Metric`. A file is named as
`path.py:NAME`, where NAME is a `Metric` in it; loading it runs it, as importing any module does.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

from ..metrics import METRICS
from ..metrics.contract import Metric
from .errors import TalkbenchError

GROUP = "talkbench.metrics"


def find(name: str, origin: str | None = None) -> Metric:
    """Return a metric by name: the one at `origin` ("path.py:NAME"), else talkbench's own, else a package's.

    Raises TalkbenchError where there is none.
    """
    if origin is not None:
        return load(origin)
    if name in METRICS:
        return METRICS[name]
    if name in _entries():
        return _from_package(name)
    near = difflib.get_close_matches(name, known(), n=1, cutoff=0.5)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise TalkbenchError(f"Unknown metric {name!r}.{guess} There are: {', '.join(known())}.")


def known() -> list[str]:
    """Return the names of all metrics but those in files: talkbench's own first."""
    return [*METRICS, *(name for name in _entries() if name not in METRICS)]


def load(origin: str) -> Metric:
    """Load the metric "path.py:NAME". Raises TalkbenchError where there is none."""
    path, _, name = origin.rpartition(":")
    file = Path(path)
    if not name.isidentifier() or file.suffix != ".py":
        raise TalkbenchError(f"--metric {origin}: expected FILE.py:NAME, where NAME is a Metric in the file.")
    found = getattr(_module(file), name, None)
    if not isinstance(found, Metric):
        what = "nothing of that name" if found is None else f"a {type(found).__name__}"
        raise TalkbenchError(f"--metric {origin}: expected a talkbench.metrics.Metric, found {what}.")
    if found.name in METRICS:
        raise TalkbenchError(f"--metric {origin}: its name, {found.name!r}, is taken by one of talkbench's own.")
    return found


def provenance(name: str, origin: str | None) -> dict[str, str]:
    """Return what, beside its version, tells which code a metric from elsewhere is: nothing for talkbench's own."""
    if origin is not None:
        return {"code": hashlib.sha256(Path(origin.rpartition(":")[0]).read_bytes()).hexdigest()[:12]}
    if name in METRICS:
        return {}
    package = _entries()[name].dist
    return {} if package is None else {"package": f"{package.name} {package.version}"}


def installed(metric: Metric, library: str) -> str:
    """Return the version of a library that a metric needs. Raises TalkbenchError where it is not installed."""
    try:
        return version(library)
    except PackageNotFoundError as error:
        raise TalkbenchError(
            f"metric {metric.name}: needs {library}, which is not installed. Run: pip install {library}"
        ) from error


def weights_file(metric: Metric, path: Path | None) -> str:
    """Return the path of the file of weights that a metric needs. Raises TalkbenchError where it is not there."""
    if path is None:
        raise TalkbenchError(
            f"metric {metric.name}: needs a file of weights. Pass --weights {metric.weights}=PATH, or leave it out."
        )
    if not path.is_file():
        raise TalkbenchError(f"--weights {metric.weights}={path}: expected a file, found none. Give its path.")
    return str(path)


def arguments(function: Callable[..., object] | None) -> dict[str, Any]:
    """Return a function's keyword-only arguments with their values: what of it can change a number."""
    import inspect

    if function is None:
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}


@cache
def _entries() -> Mapping[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


@cache
def _from_package(name: str) -> Metric:
    entry = _entries()[name]
    package = "?" if entry.dist is None else entry.dist.name
    try:
        found = entry.load()
    except Exception as error:  # another package's code may raise anything
        raise TalkbenchError(
            f"metric {name}: the package {package} cannot load it ({type(error).__name__}: {error}). Mend or remove it."
        ) from error
    if not isinstance(found, Metric) or found.name != name:
        raise TalkbenchError(f"metric {name}: the package {package} brings something else ({found!r:.80}).")
    return found


@cache
def _module(file: Path) -> object:
    """Run a file once per process, under a name of its own."""
    name = f"talkbench_metric_{hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, file)
    try:
        if spec is None or spec.loader is None:
            raise ImportError("is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    except Exception as error:  # the user's code may raise anything
        sys.modules.pop(name, None)
        raise TalkbenchError(f"--metric {file}: cannot be loaded ({type(error).__name__}: {error}).") from error
    return module
