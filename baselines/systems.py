"""The adapters by name, ours and third parties', and which of them a folder's names call for.

A package adds its own through the entry-point group `talkbench.adapters`: an `Adapter` under its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from ..bench.errors import TalkbenchError
from . import (
    atvg,
    audio2head,
    eamm,
    eat,
    edtalk,
    evp,
    folder,
    makeittalk,
    pc_avs,
    sadtalker,
    styletalk,
    wav2lip,
)
from .contract import DEFAULT, Adapter, unknown
from .tree import Tree, scan

GROUP = "talkbench.adapters"
"""The entry-point group of third parties' adapters."""

_OURS = {
    adapter.name: adapter
    for adapter in (
        folder.ADAPTER,
        atvg.ADAPTER,
        audio2head.ADAPTER,
        eamm.ADAPTER,
        eat.ADAPTER,
        edtalk.ADAPTER,
        evp.ADAPTER,
        makeittalk.ADAPTER,
        pc_avs.ADAPTER,
        sadtalker.ADAPTER,
        styletalk.ADAPTER,
        wav2lip.ADAPTER,
    )
}


@cache
def _theirs() -> dict[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


class _Adapters(Mapping[str, Adapter]):
    """All adapters by name; an unknown name is a TalkbenchError with the nearest one."""

    def __getitem__(self, name: str) -> Adapter:
        if name in _theirs():
            return _load(_theirs()[name])
        if name not in _OURS:
            raise unknown("adapter", name, self)
        return _OURS[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_OURS | _theirs())

    def __len__(self) -> int:
        return len(_OURS | _theirs())

    def __contains__(self, name: object) -> bool:
        return name in _OURS or name in _theirs()


ADAPTERS: Mapping[str, Adapter] = _Adapters()


def detect(root: Path) -> Adapter:
    """Return the one adapter whose marks the names below `root` bear, or the one for plain folders where none does.

    Raises TalkbenchError where several claim them, and where the root is missing or unreadable.
    """
    return detect_in(scan(root))


def detect_in(tree: Tree) -> Adapter:
    """Return the adapter that names call for, where they are already read: see `detect`."""
    claiming = [adapter for name, adapter in ADAPTERS.items() if name != DEFAULT and adapter.mark(tree)]
    exclusive = [adapter for adapter in claiming if adapter.exclusive]
    candidates = exclusive or claiming
    if len(candidates) > 1:
        names = [adapter.name for adapter in candidates]
        raise TalkbenchError(
            f"{tree.root}: could be the output of {' or '.join(names)}. Found {tree.some_names()}. "
            f"Pass --adapter {names[0]}, or another, or give each system's own folder."
        )
    return candidates[0] if candidates else _OURS[DEFAULT]


def _load(point: EntryPoint) -> Adapter:
    """Load a third party's adapter. Raises TalkbenchError where it cannot be loaded, is none, or takes our name."""
    owner = point.dist.name if point.dist else point.value
    if point.name in _OURS:
        raise TalkbenchError(
            f"Adapter {point.name!r} of {owner} has the name of one of ours. Rename it or uninstall {owner}."
        )
    try:
        adapter: object = point.load()
    except Exception as error:
        raise TalkbenchError(
            f"Adapter {point.name!r} of {owner} cannot be loaded ({error!r}). Repair {owner}."
        ) from error
    if not isinstance(adapter, Adapter) or adapter.name != point.name:
        raise TalkbenchError(
            f"Entry point {point.name!r} of {owner}: expected an Adapter called {point.name!r}, found {adapter!r}."
        )
    return adapter
