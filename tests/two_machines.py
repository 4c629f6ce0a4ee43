"""Say how far the numbers of one `talkbench score` command on two machines are apart: `two_machines.py RUN RUN`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd


def columns(file: Path) -> dict[str, np.ndarray]:
    """Return a table's columns of numbers, and of lists of numbers as (rows, n), sorted by clip."""
    table = pd.read_parquet(file)
    table = table.sort_values(["method", "clip", *(["frame"] if "frame" in table else [])], kind="stable")
    found = {}
    for name, values in table.items():
        if name.endswith("_landmarks"):
            found[name] = np.stack(values.to_numpy()).astype(np.float64)
        elif values.dtype.kind in "fiu":
            found[name] = values.to_numpy(np.float64)
    return found


def main(one: Path, other: Path) -> None:
    """Print a row per column: values, how many differ, and the largest difference."""
    lines = ["| table | column | values | differ | by at most |", "|---|---|---|---|---|"]
    for table in ("frames", "clips"):
        here, there = columns(one / f"{table}.parquet"), columns(other / f"{table}.parquet")
        if here.keys() != there.keys():
            raise SystemExit(f"{table}.parquet: the columns differ: {sorted(here.keys() ^ there.keys())}")
        for name in here:
            a, b = here[name], there[name]
            if a.shape != b.shape:
                raise SystemExit(f"{table}.parquet, {name}: {a.shape} and {b.shape} values")
            apart = ~((a == b) | (np.isnan(a) & np.isnan(b)))
            worst = np.abs(a - b)[apart].max(initial=0.0)
            lines.append(f"| {table} | {name} | {a.size} | {apart.sum()} | {worst:.2g} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
