"""Videos at URLs: an S3 server and a web server on loopback, listed, fetched, kept by content, and told of by name."""

import contextlib
import functools
import http.server
import threading
from pathlib import Path

import clips
import pytest
from command import talkbench as command

import talkbench
from talkbench.bench import remote
from talkbench.bench.errors import MediaError, TalkbenchError
from talkbench.bench.location import Remote, location
from talkbench.bench.remote import fetched

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video, a folder of frames, and a take of each that is noisy; MEAD's names for one, so that labels are read."""
    root = tmp_path_factory.mktemp("corpus")
    for number, name in enumerate(("M003/video/front/angry/level_3/001", "b")):
        real = clips.moving(3, size=128, phase=number)
        clips.write(root / "real" / f"{name}.mp4", real)
        clips.write(root / "gen" / f"{name}.mp4", clips.noisy(real, 12, seed=number))
    frames = clips.moving(3, size=128, phase=5)
    clips.write_frames(root / "real" / "c", frames)
    clips.write_frames(root / "gen" / "c", clips.noisy(frames, 9))
    return root


@pytest.fixture
def memory(corpus: Path):
    """The corpus in fsspec's memory, which this process alone can read."""
    store = fsspec.filesystem("memory")
    store.put(f"{corpus}/", "/corpus", recursive=True)
    yield store
    store.store.clear()
    store.pseudo_dirs[:] = [""]


@pytest.fixture
def s3(corpus: Path, monkeypatch: pytest.MonkeyPatch):
    """The corpus in a bucket of moto's server; its address and credentials stand in the environment, as S3's do."""
    # One store per arguments is kept for good, with the address of the server that there was.
    pytest.importorskip("s3fs").S3FileSystem.clear_instance_cache()
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTONLY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "keep-this-secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    store = fsspec.filesystem("s3", skip_instance_cache=True)
    with contextlib.suppress(FileExistsError):  # moto keeps its buckets as long as the process lives
        store.mkdir("lab")
    store.put(f"{corpus}/", "lab/corpus", recursive=True)
    yield store
    type(store).clear_instance_cache()
    server.stop()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        self.server.seen.append(f"{self.command} {self.path}")


@pytest.fixture
def web(corpus: Path):
    """The corpus behind a web server that lists folders; `seen` is what it was asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(corpus)))
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def numbers(results: talkbench.Results) -> object:
    """Everything measured but where it lay."""
    return results.clips.drop(columns=["gt_video", "gen_video"]).to_dict("records"), results.frames.to_json()


def score(root: str, **options: object) -> talkbench.Results:
    return talkbench.score(f"{root}/real", {"m": f"{root}/gen"}, **{"cache": False} | options)


@pytest.fixture(scope="module")
def expected(corpus: Path) -> talkbench.Results:
    return score(str(corpus))


def test_a_url_in_memory_scores_as_the_files_do(memory, expected: talkbench.Results) -> None:
    results = score("memory://corpus")
    assert repr(numbers(results)) == repr(numbers(expected))
    assert results.clips["gt_video"].tolist()[0] == "memory://corpus/real/M003/video/front/angry/level_3/001.mp4"
    assert results.clips["emotion"].tolist()[0] == "angry"


@pytest.mark.parametrize("workers", [None, 2])
def test_s3_scores_as_the_files_do(s3, expected: talkbench.Results, tmp_path: Path, workers: int | None) -> None:
    results = score("s3://lab/corpus", out=tmp_path / "run", workers=workers, cache=tmp_path / "cache")
    assert repr(numbers(results)) == repr(numbers(expected))
    assert results.run["config"]["gt"] == "s3://lab/corpus/real"
    everything = b"".join(file.read_bytes() for file in (tmp_path / "run").iterdir())
    assert b"keep-this-secret" not in everything
    assert b"AKIATESTONLY" not in everything


def test_a_web_server_scores_as_the_files_do_and_is_asked_once(
    web, expected: talkbench.Results, tmp_path: Path
) -> None:
    root = f"http://127.0.0.1:{web.server_port}"
    results = score(root, cache=tmp_path)
    assert repr(numbers(results)) == repr(numbers(expected))
    assert web.seen.count("GET /gen/b.mp4") == 1  # to look at it and to measure it
    web.seen.clear()
    assert repr(numbers(score(root, cache=tmp_path))) == repr(numbers(expected))
    assert not [line for line in web.seen if line.startswith("GET") and line.endswith(".mp4")]


def test_a_manifest_may_mix_urls_and_files(memory, corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(f"clip,gt,m\nb,memory://corpus/real/b.mp4,{corpus}/gen/b.mp4\n")
    results = talkbench.score(None, manifest=tmp_path / "m.csv", cache=False)
    assert results.clips["gt_video"].tolist() == ["memory://corpus/real/b.mp4"]
    assert results.clips["gen_video"].tolist() == [f"{corpus}/gen/b.mp4"]


def test_a_file_that_changed_at_its_url_is_measured_again(memory, corpus: Path, tmp_path: Path) -> None:
    options = {"out": tmp_path / "run", "cache": tmp_path / "cache"}
    before = score("memory://corpus", **options).clips
    with memory.open("/corpus/gen/b.mp4", "wb") as file:
        file.write((corpus / "gen" / "M003/video/front/angry/level_3/001.mp4").read_bytes())
    after = score("memory://corpus", **options).clips
    changed = before["gen_sha256"] != after["gen_sha256"]
    assert before["clip"][changed].tolist() == ["b"]
    assert (before["PSNR"] != after["PSNR"]).tolist() == changed.tolist()


def test_a_broken_video_is_told_of_by_its_url(memory, tmp_path: Path) -> None:
    with memory.open("/corpus/gen/b.mp4", "wb") as file:
        file.write(b"no video")
    results = score("memory://corpus", out=tmp_path / "run", cache=tmp_path / "cache")
    (failure,) = results.failures
    assert failure["file"] == "memory://corpus/gen/b.mp4"
    assert failure["reason"].startswith("memory://corpus/gen/b.mp4: ")
    assert str(tmp_path) not in failure["reason"]


def test_what_lies_nowhere_is_one_line(memory, s3, tmp_path: Path) -> None:
    for url in ("memory://nowhere/real", "s3://lab/nowhere", "s3://no-such-bucket/real", "http://127.0.0.1:9/real"):
        outcome = command("score", "--gt", url, "--gen", "m=memory://corpus/gen", "-o", tmp_path / "run")
        assert outcome.code == 2
        assert outcome.err.count("\n") == 1
        assert outcome.err.startswith(f"talkbench: {url}: "), outcome.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://me:secret@host/real", "must hold no user name, password"),
        ("https://host/a.mp4?X-Amz-Signature=secret", "must hold no user name, password"),
        ("s3://bucket/real::http://host/b", "cannot be read"),
        ("ftp://host/real", "cannot be read"),
        ("file:///etc/passwd", "cannot be read"),
        ("s3://bucket/../other", "is not the URL"),
        ("s3://", "is not the URL"),
    ],
)
def test_a_url_that_must_not_be_is_refused_without_its_secrets(url: str, said: str) -> None:
    with pytest.raises(TalkbenchError, match=said) as caught:
        location(url)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_url_is_a_path_that_prints_as_a_url() -> None:
    url = location(Path("s3://bucket/real/a.b.mp4"))
    assert isinstance(url, Remote)
    assert (str(url), url.name, url.stem) == ("s3://bucket/real/a.b.mp4", "a.b.mp4", "a.b")
    assert str(url.parent / "c") == "s3://bucket/real/c"
    assert url.absolute() == location("s3://bucket/real") / "a.b.mp4"
    assert type(location("real/s3.mp4")) is type(Path())


# What is kept


def fetch(url: str, cache: Path | None) -> bytes:
    path = location(url)
    with fetched([path], cache) as here:
        return here[path].read_bytes()


def kept(cache: Path) -> int:
    return sum(file.stat().st_size for file in (cache / "remote").glob("??/*"))


def test_contents_are_kept_once_and_damage_is_fetched_anew(memory, tmp_path: Path) -> None:
    for name in ("one", "two"):
        memory.pipe(f"/{name}.mp4", b"x" * 1000)
        assert fetch(f"memory://{name}.mp4", tmp_path) == b"x" * 1000
    assert kept(tmp_path) == 1000
    (file,) = (tmp_path / "remote").glob("??/*")
    file.write_bytes(b"x" * 10)
    assert fetch("memory://one.mp4", tmp_path) == b"x" * 1000
    assert not list((tmp_path / "remote").glob("use-*"))


def test_the_cache_is_bounded_and_takes_nothing_from_who_reads(
    memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALKBENCH_CACHE_SIZE", "3000")
    monkeypatch.setattr(remote, "_SHARE", 3000)
    memory.pipe("/held.mp4", b"h" * 1000)
    held = location("memory://held.mp4")
    with fetched([held], tmp_path) as here:
        for number in range(9):
            memory.pipe(f"/{number}.mp4", bytes([number]) * 1000)
            fetch(f"memory://{number}.mp4", tmp_path)
            assert kept(tmp_path) <= 3000
        assert here[held].read_bytes() == b"h" * 1000
    memory.pipe("/large.mp4", b"l" * 3001)
    with pytest.raises(MediaError, match=r"memory://large\.mp4: is 3,001 bytes, more than TALKBENCH_CACHE_SIZE"):
        fetch("memory://large.mp4", tmp_path)
