"""Packs from real small runs: what is in them, what they do not tell, and that no changed number gets through."""

import contextlib
import hashlib
import io
import json
import shutil
import zipfile

import clips
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command import talkbench

import talkbench as package
from talkbench.bench.errors import TalkbenchError
from talkbench.bench.results import Results
from talkbench.reports.formats import to_json
from talkbench.reports.pack import FILES, MANIFEST, write_pack
from talkbench.reports.table import table
from talkbench.reports.verification import PackError, verify

COUNT = 4


def scored(root):
    """A run of three clips under `root`, one of which is broken for one method."""
    for name in ("a", "b", "c"):
        real = clips.moving(COUNT, phase=ord(name))
        clips.write(root / "real" / f"{name}.mp4", real)
        clips.write(root / "ours" / f"{name}.mp4", clips.noisy(real, 4))
        clips.write(root / "theirs" / f"{name}.mp4", clips.noisy(real, 25))
    broken = root / "theirs" / "c.mp4"
    broken.write_bytes(broken.read_bytes()[:200])
    package.score(root / "real", {"Ours": root / "ours", "Theirs": root / "theirs"}, out=root / "run", cache=False)
    return root / "run"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return scored(tmp_path_factory.mktemp("secret-user"))


@pytest.fixture(scope="module")
def pack(run, tmp_path_factory):
    file = tmp_path_factory.mktemp("packs") / "pack.zip"
    assert write_pack(run, file) == hashlib.sha256(file.read_bytes()).hexdigest()
    return file


def contents(pack):
    with zipfile.ZipFile(pack) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write(file, entries, *, rehash=True, **settings):
    """Zip the entries again; with `rehash` as somebody does who knows about hashes."""
    if rehash and MANIFEST in entries:
        manifest = json.loads(entries[MANIFEST])
        for name in FILES:
            manifest["files"][name]["sha256"] = hashlib.sha256(entries.get(name, b"")).hexdigest()
        entries = {**entries, MANIFEST: json.dumps(manifest).encode()}
    with zipfile.ZipFile(file, "w", **settings) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return file


def parquet(entries, name, change):
    """The bytes of a table of the pack with a change to it; its row groups stay."""
    file = pq.ParquetFile(io.BytesIO(entries[name]))
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, file.schema_arrow) as writer:
        for at in range(file.num_row_groups):
            data = change(file.read_row_group(at).to_pandas(), at)
            writer.write_table(pa.Table.from_pandas(data, schema=file.schema_arrow, preserve_index=False))
    return buffer.getvalue()


def parquet_rows(entries, name):
    return pq.read_table(io.BytesIO(entries[name])).to_pandas()


def json_with(entries, name, change):
    data = json.loads(entries[name])
    change(data)
    return json.dumps(data).encode()


def refusal(pack):
    with pytest.raises(PackError) as error:
        list(verify(pack))
    text = str(error.value)
    assert str(pack) in text
    assert "\n" not in text
    return text


def test_a_pack_agrees_with_itself(pack):
    lines = list(verify(pack))
    assert [line.partition(":")[0] for line in lines] == ["files", "signature", "pairs", "clips", "table"]
    assert "6 planned are 5 measured and 1 failed" in lines[2]
    assert f"from {5 * COUNT} frames" in lines[3]


def test_unzipped_it_is_a_result_folder_with_the_same_table(pack, run, tmp_path):
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path)
    assert to_json(table(Results.load(tmp_path))) == to_json(table(Results.load(run)))
    assert (tmp_path / "table.json").read_text(encoding="utf-8") == to_json(table(Results.load(run)))


def test_it_holds_no_path_of_the_machine(pack, run):
    entries = contents(pack)
    assert list(entries) == [*FILES, MANIFEST]
    for name, data in entries.items():
        assert b"secret-user" not in data, name
    rows = pq.read_table(io.BytesIO(entries["clips.parquet"])).to_pylist()
    assert {(row["gt_video"], row["gen_video"]) for row in rows} >= {("real/a.mp4", "ours/a.mp4")}
    (failure,) = (json.loads(line) for line in entries["failures.jsonl"].splitlines())
    assert failure["file"] == "theirs/c.mp4"
    assert failure["reason"].startswith("theirs/c.mp4: ")


def test_the_same_run_gives_the_same_bytes_wherever_it_lies(run, pack, tmp_path):
    write_pack(scored(tmp_path / "elsewhere"), tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == pack.read_bytes()


def test_a_run_in_which_every_pair_failed(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    pq.write_table(pq.read_table(copy / "clips.parquet").slice(0, 0), copy / "clips.parquet")
    pq.write_table(pa.table({}), copy / "frames.parquet")  # as a run writes it
    failures = [
        {"clip": clip, "method": method, "file": f"/x/{clip}.mp4", "reason": "broken"}
        for clip in "abc"
        for method in ("Ours", "Theirs")
    ]
    (copy / "failures.jsonl").write_text("".join(json.dumps(failure) + "\n" for failure in failures))
    write_pack(copy, tmp_path / "pack.zip")
    assert "0 measured and 6 failed" in list(verify(tmp_path / "pack.zip"))[2]


@pytest.mark.parametrize("name", FILES)
def test_a_changed_byte_of_any_file(pack, tmp_path, name):
    entries = contents(pack)
    entries[name] = entries[name][:-1] + bytes([entries[name][-1] ^ 1]) if entries[name] else b"x"
    assert f"{name} was changed" in refusal(write(tmp_path / "p.zip", entries, rehash=False))


def test_a_changed_byte_in_place_of_the_zip(pack, tmp_path):
    data = bytearray(pack.read_bytes())
    data[data.index(b'"planned"') + 1] ^= 1
    (tmp_path / "p.zip").write_bytes(data)
    assert "was changed or damaged" in refusal(tmp_path / "p.zip")


def test_a_changed_number_with_new_hashes(pack, tmp_path):
    entries = contents(pack)

    def better(rows, _):
        return rows.assign(SSIM=rows["SSIM"].where(rows["method"] != "Ours", rows["SSIM"] + 0.001))

    def better_frames(rows, at):
        return rows.assign(MSE=rows["MSE"] * (0.9 if at == 0 else 1))

    of_clips = {**entries, "clips.parquet": parquet(entries, "clips.parquet", better)}
    assert "SSIM of Ours, clip a: expected" in refusal(write(tmp_path / "c.zip", of_clips))
    of_frames = {**entries, "frames.parquet": parquet(entries, "frames.parquet", better_frames)}
    assert "PSNR of Ours, clip a: expected" in refusal(write(tmp_path / "f.zip", of_frames))

    def raise_value(data):
        data["rows"][1]["SSIM"]["value"] += 0.001

    of_table = {**entries, "table.json": json_with(entries, "table.json", raise_value)}
    assert "value of Ours, SSIM: expected" in refusal(write(tmp_path / "t.zip", of_table))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda run: run.update(signature=run["signature"].replace("crop:none", "crop:gt-box")), "signature"),
        (lambda run: run.update(signature=run["signature"][:-1] + "x"), "signature"),
        (lambda run: run["config"]["ingredients"]["protocol"]["frame"].update(size=128), "signature"),
        (lambda run: run["config"]["ingredients"]["metrics"]["PSNR"]["clip"].update(pool="db"), "signature"),
        (lambda run: run["ci"].update(seed=1), "other settings"),
        (lambda run: run["metrics"][0].update(over="frames"), "not the metric"),
        (lambda run: run["planned"].update(Theirs=2), "2 planned"),
        (lambda run: run.update(methods=["Ours"]), "a method that the run does not have"),
        (lambda run: run.pop("config"), "do not make a finished run"),
    ],
)
def test_changed_settings_with_new_hashes(pack, tmp_path, change, says):
    entries = contents(pack)
    file = write(tmp_path / "p.zip", {**entries, "run.json": json_with(entries, "run.json", change)})
    assert says in refusal(file)


def test_clips_left_out_with_new_hashes(pack, tmp_path):
    entries = contents(pack)
    clips = parquet(entries, "clips.parquet", lambda rows, _: rows.iloc[1:])
    of_clips = write(tmp_path / "c.zip", {**entries, "clips.parquet": clips})
    assert "do not make a finished run" in refusal(of_clips)
    left_out = parquet_rows(entries, "clips.parquet").iloc[0]
    frames = parquet(
        entries,
        "frames.parquet",
        lambda rows, _: rows[(rows["clip"] != left_out["clip"]) | (rows["method"] != left_out["method"])],
    )
    both = write(tmp_path / "b.zip", {**entries, "clips.parquet": clips, "frames.parquet": frames})
    assert "2 measured, 0 failed and 0 missing clips, and 3 planned" in refusal(both)


def test_frames_of_another_clip_with_new_hashes(pack, tmp_path):
    entries = contents(pack)
    swapped = parquet(entries, "frames.parquet", lambda rows, at: rows.assign(clip="b") if at == 0 else rows)
    assert "are not those of that clip" in refusal(write(tmp_path / "p.zip", {**entries, "frames.parquet": swapped}))


# What is no pack


def bad(pack, tmp_path, kind):
    entries, file = contents(pack), tmp_path / "p.zip"
    if kind == "truncated":
        file.write_bytes(pack.read_bytes()[:-2000])
    elif kind == "no zip":
        file.write_text("hello")
    elif kind == "empty":
        file.write_bytes(b"")
    elif kind == "a folder":
        file.mkdir()
    elif kind == "compressed":
        write(file, entries, compression=zipfile.ZIP_DEFLATED)
    elif kind == "traversal":
        write(file, {**entries, "../evil": b"x"})
    elif kind == "a file is missing":
        write(file, {name: data for name, data in entries.items() if name != "clips.parquet"}, rehash=False)
    elif kind == "no manifest":
        write(file, {**entries, MANIFEST: b"{}"}, rehash=False)
    elif kind == "another zip":
        write(file, {"a.txt": b"a"}, rehash=False)
    elif kind == "too many rows":
        buffer = io.BytesIO()
        pq.write_table(pa.table({"clip": pa.array([None] * 20_000_000, pa.null())}), buffer, row_group_size=20_000_000)
        write(file, {**entries, "clips.parquet": buffer.getvalue()})
    return file


@pytest.mark.parametrize(
    "kind",
    ["truncated", "no zip", "empty", "a folder", "missing", "compressed", "traversal", "a file is missing",
     "no manifest", "another zip", "too many rows"],
)  # fmt: skip
def test_what_is_no_pack_is_one_line_and_exit_code_2(pack, tmp_path, kind):
    outcome = talkbench("verify", bad(pack, tmp_path, kind))
    assert outcome.code == 2, outcome.err
    assert outcome.err.count("\n") == 1
    assert str(tmp_path) in outcome.err
    assert not (tmp_path.parent / "evil").exists()


def test_a_pack_of_another_version_of_a_metric(pack, tmp_path, monkeypatch):
    from dataclasses import replace

    from talkbench.metrics import METRICS

    monkeypatch.setitem(METRICS, "SSIM", replace(METRICS["SSIM"], version="2"))
    outcome = talkbench("verify", pack)
    assert outcome.code == 2
    assert "SSIM version 1" in outcome.err


def test_the_commands(run, tmp_path):
    done = talkbench("export", run, "-o", tmp_path / "p.zip")
    assert done.code == 0, done.err
    assert done.out.split()[0] == hashlib.sha256((tmp_path / "p.zip").read_bytes()).hexdigest()
    checked = talkbench("verify", tmp_path / "p.zip")
    assert checked.code == 0
    assert checked.out.count("ok  ") == 5
    entries = contents(tmp_path / "p.zip")
    changed = talkbench("verify", write(tmp_path / "q.zip", {**entries, "run.json": b"{}"}, rehash=False))
    assert (changed.code, changed.err.count("\n")) == (1, 1)


def test_a_folder_that_is_no_run_leaves_nothing(tmp_path):
    outcome = talkbench("export", tmp_path, "-o", tmp_path / "p.zip")
    assert outcome.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(run, tmp_path):
    (tmp_path / "no").write_text("a file where the folder would be")
    outcome = talkbench("export", run, "-o", tmp_path / "no" / "p.zip")
    assert outcome.code == 2
    assert "cannot be written" in outcome.err


def test_an_unfinished_run(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "run")
    data = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(data | {"finished": False}))
    outcome = talkbench("export", copy, "-o", tmp_path / "p.zip")
    assert outcome.code == 2
    assert "not finished" in outcome.err
    assert not (tmp_path / "p.zip").exists()


def test_a_clip_whose_frames_lie_in_several_row_groups(pack, tmp_path):
    entries = contents(pack)
    buffer, table_of_frames = io.BytesIO(), pq.read_table(io.BytesIO(entries["frames.parquet"]))
    pq.write_table(table_of_frames, buffer, row_group_size=COUNT // 2)
    assert "all equal" in list(verify(write(tmp_path / "p.zip", {**entries, "frames.parquet": buffer.getvalue()})))[3]


@pytest.mark.parametrize("name", FILES)
def test_bytes_changed_at_random_with_new_hashes_end_in_one_line(pack, tmp_path, name):
    entries, rng = contents(pack), np.random.default_rng(len(name))
    for _ in range(25):
        data = bytearray(entries[name])
        for at in rng.integers(0, max(len(data), 1), size=3) if data else ():
            data[at] = rng.integers(256)
        with contextlib.suppress(TalkbenchError):
            list(verify(write(tmp_path / "p.zip", {**entries, name: bytes(data)})))
