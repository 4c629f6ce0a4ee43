"""The examples in the docstrings are right."""

import doctest
import importlib
import pkgutil

import pytest

import talkbench

MODULES = [
    module.name
    for package in ("baselines", "bench", "metrics", "reference_model", "reports")
    for module in pkgutil.walk_packages([f"{talkbench.__path__[0]}/{package}"], f"talkbench.{package}.")
]


def test_there_are_modules() -> None:
    assert len(MODULES) > 60


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    if name.startswith("talkbench.reference_model."):
        pytest.importorskip("torch")
    assert doctest.testmod(importlib.import_module(name)).failed == 0
