"""The contract of an adapter as a test, for ours and for third parties' alike.

from talkbench.baselines.testing import check_adapter

def test_adapter(tmp_path):
    check_adapter(ADAPTER, example_output(tmp_path))
"""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from unittest import mock

from ..bench.errors import TalkbenchError
from ..bench.vocabulary import IMAGE_SUFFIXES
from .contract import Adapter, Found, Listing
from .landmarks import SCHEMES


def check_adapter(adapter: Adapter, example: Path) -> None:
    """Check an adapter on an example of its layout.

    Raises AssertionError saying what is wrong. `example` is a folder, or one video, that `adapter` must read; its files
    may be empty, since an adapter opens none.
    """
    _check_description(adapter)
    listing = adapter.find(example)
    _expect(listing.root == example, f"find returned the root {listing.root}, not {example}")
    _expect(bool(listing.files), "found nothing in the example, and did not say so")
    _expect(isinstance(adapter.claims(example), bool), "claims must return a bool")
    ids = [found.id for found in listing.files]
    for one, other in pairwise(ids):
        _expect(one < other, f"ids must be sorted and unique, found {one!r} before {other!r}")
    for found in listing.files:
        _check_found(found, listing)
    _expect(not listing.single or len(ids) == 1, f"a single take was promised, {len(ids)} were found")
    _check_order_is_no_matter(adapter, listing)
    _check_nothing_is_opened(adapter, listing)
    for stem in (found.id for found in adapter.find(example, key="stem").files if found.name is None):
        _expect("/" not in stem, f'with key="stem" an id is a name without folders, found {stem!r}')
    _check_wrong_layout_is_refused(adapter)


def _expect(condition: bool, text: str) -> None:
    if not condition:
        raise AssertionError(text)


def _check_description(adapter: Adapter) -> None:
    _expect(
        re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", adapter.name) is not None, f"bad name {adapter.name!r}: use a-z0-9-"
    )
    for what in ("system", "layout"):
        text = getattr(adapter, what)
        _expect(bool(text.strip()) and text.isprintable(), f"{what} must be one line, found {text!r}")


def _check_found(found: Found, listing: Listing) -> None:
    who = f"clip {found.id!r}: "
    _expect(bool(found.id) and unicodedata.is_normalized("NFC", found.id), f"{who}an id is NFC and not empty")
    _expect(not found.id.startswith(("/", "../")), f"{who}an id is no absolute path and leaves no folder")
    _expect(found.name is None or found.name.clip_id == found.id, f"{who}its MEAD name is {found.name}")
    _expect(found.id not in found.also and len(set(found.also)) == len(found.also), f"{who}also repeats {found.also}")
    base = listing.root if listing.root.is_dir() else listing.root.parent
    for path in filter(None, (found.path, found.landmarks)):
        _expect(path.exists() and path.is_relative_to(base), f"{who}{path} is missing, or not below {base}")
    _expect(found.fps is None or (isinstance(found.fps, Fraction) and found.fps > 0), f"{who}fps is {found.fps!r}")
    _expect(isinstance(found.first_frame, int) and found.first_frame >= 0, f"{who}first_frame is {found.first_frame}")
    if found.panel is not None:
        left, top, right, bottom = found.panel
        _expect(
            0 <= left < right and 0 <= top < bottom, f"{who}the panel {found.panel} is not left, top, right, bottom"
        )
    _expect((found.landmarks is None) == (found.scheme is None), f"{who}landmarks and scheme go together")
    _expect(found.scheme is None or found.scheme in SCHEMES, f"{who}unknown scheme {found.scheme!r}")
    if found.prefix is not None:
        frames = [file for file in found.path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES]
        _expect(any(file.name.startswith(found.prefix) for file in frames), f"{who}no frame begins {found.prefix!r}")


def _check_order_is_no_matter(adapter: Adapter, listing: Listing) -> None:
    for order in (_backwards, _rotated):
        with _directories_listed(order):
            _expect(adapter.find(listing.root) == listing, "the result depends on the order of directory entries")


def _backwards(entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    return sorted(entries, key=lambda entry: entry.name, reverse=True)


def _rotated(entries: list[os.DirEntry[str]]) -> list[os.DirEntry[str]]:
    return entries[len(entries) // 2 :] + entries[: len(entries) // 2]


@contextmanager
def _directories_listed(order: Callable[[list[os.DirEntry[str]]], list[os.DirEntry[str]]]) -> Iterator[None]:
    """List directories in another order; file systems promise none."""
    scandir = os.scandir

    @contextmanager
    def reordered(path: str | Path = ".") -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(path) as entries:
            yield iter(order(list(entries)))

    with mock.patch("os.scandir", reordered):
        yield


def _check_nothing_is_opened(adapter: Adapter, listing: Listing) -> None:
    """Look at empty files under the same names: the result must be the same."""
    root = listing.root.absolute()
    with tempfile.TemporaryDirectory() as copies:
        copy = Path(copies, *root.parts[1:])
        source, target = (root, copy) if root.is_dir() else (root.parent, copy.parent)
        for file in source.rglob("*") if root.is_dir() else source.iterdir():
            if file.is_file():
                (target / file.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
                (target / file.relative_to(source)).touch()
        try:
            ids = [found.id for found in adapter.find(copy).files]
        except TalkbenchError:
            ids = []
        _expect(ids == [found.id for found in listing.files], "the clips found depend on what is in the files")


def _check_wrong_layout_is_refused(adapter: Adapter) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "notes.txt").touch()
        try:
            adapter.find(Path(folder))
        except TalkbenchError as error:
            for text in (folder, adapter.layout, "notes.txt"):
                _expect(text in str(error), f"the error on a wrong layout leaves out {text!r}: {error}")
        else:
            raise AssertionError("a folder with nothing but notes.txt was not refused by a TalkbenchError")
