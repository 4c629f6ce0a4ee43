"""Broken and hostile media, made from whole files by a fixed recipe: the same seeds give the same bytes.

`write_corpus` fills `real/` with whole clips and `gen/` with a mutant for each, so that a run pairs them by name.
Nothing here is random beyond its seed, and no mutant is larger than a few MB on disk.
"""

from __future__ import annotations

import os
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import clips
import numpy as np

from talkbench.bench.encode import write_video

Rng = np.random.Generator
Mutation = Callable[[bytes, Rng], bytes]

BILLION = 10**9
LARGEST = 2**32 - 1


# Any bytes


def _flip(count: int, first: float = 0.0, last: float = 1.0) -> Mutation:
    def flip(data: bytes, rng: Rng) -> bytes:
        out = bytearray(data)
        for at in rng.integers(int(len(data) * first), max(1, int(len(data) * last)), count):
            out[at] ^= 1 << int(rng.integers(8))
        return bytes(out)

    return flip


def _cut(data: bytes, rng: Rng) -> bytes:
    return data[: int(rng.integers(1, len(data)))]


def _zero(data: bytes, rng: Rng) -> bytes:
    a, b = sorted(int(at) for at in rng.integers(0, len(data), 2))
    return data[:a] + bytes(b - a) + data[b:]


def _drop(data: bytes, rng: Rng) -> bytes:
    a, b = sorted(int(at) for at in rng.integers(0, len(data), 2))
    return data[:a] + data[b:]


def _repeat(data: bytes, rng: Rng) -> bytes:
    a, b = sorted(int(at) for at in rng.integers(0, len(data), 2))
    return data[:b] + data[a:b] * 3 + data[b:]


def _noise(data: bytes, rng: Rng) -> bytes:
    at = int(rng.integers(len(data)))
    return data[:at] + rng.bytes(256) + data[at + 256 :]


def _swap(data: bytes, rng: Rng) -> bytes:
    a, b = sorted(int(at) for at in rng.integers(0, len(data), 2))
    return data[b:] + data[a:b] + data[:a]


def _extreme(data: bytes, rng: Rng) -> bytes:
    """Put 0, −1, or the largest number where some field of the header may be."""
    at = int(rng.integers(0, min(len(data) - 4, 1200)))
    value = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0")[int(rng.integers(4))]
    return data[:at] + value + data[at + 4 :]


ANY: Mapping[str, Mutation] = {
    "flip-1": _flip(1),
    "flip-40": _flip(40),
    "flip-head": _flip(12, 0, 0.1),
    "flip-tail": _flip(12, 0.9, 1),
    "cut": _cut,
    "zero": _zero,
    "drop": _drop,
    "repeat": _repeat,
    "noise": _noise,
    "swap": _swap,
    "extreme": _extreme,
}

# Headers that lie


def _put(tag: bytes, offset: int, fields: str, *values: int) -> Mutation:
    """Write numbers at an offset behind a tag, wherever it occurs; a file without the tag loses its middle instead."""

    def put(data: bytes, rng: Rng) -> bytes:
        out, at = bytearray(data), data.find(tag)
        if at < 0:
            return _drop(data, rng)
        while at >= 0:
            start = at + len(tag) + offset
            packed = struct.pack(fields, *values)
            out[start : start + len(packed)] = packed[: max(0, len(out) - start)]
            at = data.find(tag, at + 1)
        return bytes(out)

    return put


MP4: Mapping[str, Mutation] = {
    "size-65535": _put(b"avc1", 24, ">HH", 65535, 65535),
    "track-size": _put(b"tkhd", 76, ">II", LARGEST, LARGEST),
    "size-0": _put(b"avc1", 24, ">HH", 0, 0),
    "frames-billion": _put(b"stts", 4, ">III", 1, BILLION, 1),
    "samples-billion": _put(b"stsz", 4, ">II", 1, BILLION),
    "frames-and-samples": lambda data, rng: _put(b"stts", 4, ">III", 1, BILLION, 0)(
        _put(b"stsz", 4, ">II", 1, BILLION)(data, rng), rng
    ),
    "clock-0": _put(b"mdhd", 12, ">I", 0),
    "movie-clock-0": _put(b"mvhd", 12, ">I", 0),
    "clock-largest": _put(b"mdhd", 12, ">I", LARGEST),
    "step-0": _put(b"stts", 12, ">I", 0),
    "step-largest": _put(b"stts", 12, ">I", LARGEST),
    "duration-0": _put(b"mdhd", 16, ">I", 0),
    "duration-largest": _put(b"mdhd", 16, ">I", LARGEST),
    "edit-negative": _put(b"elst", 8, ">Ii", 1000, -2),
    "edit-far": _put(b"elst", 8, ">II", LARGEST, 0x7FFFFFFF),
    "offsets-negative": _put(b"ctts", 8, ">Ii", 3, -(2**31)),
    "chunks-far": _put(b"stco", 8, ">I", LARGEST),
    "chunks-many": _put(b"stsc", 4, ">IIII", 1, 1, LARGEST, 1),
    "box-endless": _put(b"moov", -8, ">I", LARGEST),
    "box-0": _put(b"trak", -8, ">I", 0),
    "box-1": _put(b"mdat", -8, ">I", 1),
    "box-8": _put(b"stbl", -8, ">I", 8),
    "codec-other": lambda data, rng: data.replace(b"avc1", b"hvc1").replace(b"avcC", b"hvcC"),
    "codec-unknown": lambda data, rng: data.replace(b"avc1", b"\0\0\0\0"),
    "brand-unknown": _put(b"ftyp", 0, ">I", 0),
    "rotated": _put(b"tkhd", 40, ">iii", 0, 65536, 0),
    "config-empty": _put(b"avcC", 0, ">IIII", 0, 0, 0, 0),
    "config-noise": _put(b"avcC", 4, ">IIII", 0xDEADBEEF, 0xDEADBEEF, 0xDEADBEEF, 0xDEADBEEF),
}
AVI: Mapping[str, Mutation] = {
    "size-100000": _put(b"strf", 8, "<ii", 100_000, 100_000),
    "size-negative": _put(b"strf", 8, "<ii", -(2**31), -(2**31)),
    "size-0": _put(b"strf", 8, "<ii", 0, 0),
    "frames-billion": lambda data, rng: _put(b"avih", 20, "<I", BILLION)(
        _put(b"strh", 36, "<I", BILLION)(data, rng), rng
    ),
    "fps-0": _put(b"strh", 24, "<II", 1, 0),
    "scale-0": _put(b"strh", 24, "<II", 0, 25),
    "fps-largest": _put(b"strh", 24, "<II", 1, LARGEST),
    "fps-tiny": _put(b"strh", 24, "<II", LARGEST, 1),
    "start-far": _put(b"strh", 32, "<I", LARGEST),
    "index-far": _put(b"idx1", 12, "<I", LARGEST),
    "streams-many": _put(b"avih", 28, "<I", LARGEST),
    "list-endless": _put(b"movi", -8, "<I", LARGEST),
    "picture-65535": lambda data, rng: data.replace(b"\xff\xc0\x00\x11\x08", b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff"),
    "sound-mad": lambda data, rng: data.replace(b"vids", b"auds"),
}
MKV: Mapping[str, Mutation] = {
    "width-65535": _put(b"\xb0\x81", 0, ">B", 255),
    "clock-0": _put(b"\x2a\xd7\xb1\x83", 0, ">BH", 0, 0),
    "clock-largest": _put(b"\x2a\xd7\xb1\x83", 0, ">BH", 255, 65535),
    "length-largest": _put(b"\x44\x89\x88", 0, ">Q", 0x7FEFFFFFFFFFFFFF),
    "length-nan": _put(b"\x44\x89\x88", 0, ">Q", 0x7FF8000000000000),
    "step-0": _put(b"\x23\xe3\x83\x84", 0, ">I", 0),
    "cluster-endless": _put(b"\x1f\x43\xb6\x75", 0, ">Q", 0x01FFFFFFFFFFFFFE),
    "times-negative": _put(b"\xa3", 2, ">h", -32768),
    "codec-unknown": lambda data, rng: data.replace(b"V_MPEG4/ISO/AVC", b"V_NONSENSE/12345"),
}
HEADERS: Mapping[str, Mapping[str, Mutation]] = {".mp4": MP4, ".avi": AVI, ".mkv": MKV}

# Whole files that are not what they seem


def _archive() -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("../../evil"), b"x")
    return buffer.getvalue()


def impostors(whole: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes): files of two kinds, texts that name other files, headers without a body."""
    yield "zip-behind", whole + _archive()
    yield "zip-alone", _archive()
    yield "pdf-before", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + whole
    yield "html-before", b"<html><script>alert(1)</script></html>" + whole
    yield "elf-before", b"\x7fELF\x02\x01\x01" + bytes(57) + whole
    yield "png-before", clips_png() + whole
    yield "script", b"#!/bin/sh\ntouch pwned\n"
    yield "concat-list", b"ffconcat version 1.0\nfile /etc/passwd\n"
    yield "hls-list", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    yield "hls-server", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    yield "sdp", b"v=0\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"
    yield "svg", b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    yield "dash", b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>'
    yield "subtitles", b"1\n00:00:00,000 --> 99:99:99,999\nhello\n"
    yield "nothing", b""
    yield "one-byte", b"\0"
    yield "zeros", bytes(100_000)
    yield "noise", np.random.default_rng(5).bytes(50_000)
    yield "head-alone", whole[:40]
    yield "nested", _nested(400)
    yield "twice", whole + whole
    yield "backwards", whole[::-1]


def _nested(depth: int) -> bytes:
    box = b""
    for _ in range(depth):
        box = struct.pack(">I4s", len(box) + 8, b"moov") + box
    return struct.pack(">I4s4sI", 16, b"ftyp", b"isom", 0) + box


# Pictures


def clips_png(width: int = 8, height: int = 8, *, before: bytes = b"", rows: bytes | None = None) -> bytes:
    """A PNG whose header states a size, whatever its rows hold; `before` are chunks ahead of them."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = bytes((1 + 3 * width) * height) if rows is None else rows
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + before
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def chunk(name: bytes, data: bytes) -> bytes:
    """One chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pictures() -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes of one frame): bombs, and pictures that are none."""
    swollen = zlib.compress(bytes(200_000_000), 9)
    yield "png-60000", clips_png(60_000, 60_000, rows=bytes(1000))
    yield "png-100000", clips_png(100_000, 100_000, rows=bytes(1000))
    yield "png-largest", clips_png(2**31 - 1, 2**31 - 1, rows=bytes(10))
    yield "png-0", clips_png(0, 0, rows=b"")
    yield "png-short", clips_png(64, 64, rows=bytes(100))
    yield "png-profile-bomb", clips_png(before=chunk(b"iCCP", b"x\0\0" + swollen))
    yield "png-text-bomb", clips_png(before=chunk(b"zTXt", b"x\0\0" + swollen))
    yield "png-rows-bomb", clips_png(64, 64, rows=bytes(50_000_000))
    yield "png-cut", clips_png(64, 64)[:60]
    yield "png-checksum", clips_png(64, 64)[:-16] + bytes(16)
    yield "jpeg-65535", b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff\x03\x01\x11\x00\x02\x11\x00\x03\x11\x00\xff\xd9"
    yield (
        "bmp-largest",
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 2**31 - 1, 2**31 - 1, 1, 24, 0, 0, 0, 0, 0, 0),
    )
    yield "gif-largest", b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\x08\0;"
    yield "tiff-loop", b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 256, 4, 1, 2**31 - 1, 8)
    yield "hdr-largest", b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 2147483647 +X 2147483647\n"
    yield "pnm-largest", b"P6 2147483647 2147483647 255\n"
    yield "postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n"
    yield "video", b"\0\0\0\x18ftypisom" + bytes(100)


# Names


NAMES = (
    "two\nlines", "tab\there", "‮gpj.evil", "$(touch pwned)", "`touch pwned`", "; touch pwned #", "| touch pwned",
    "&& x", "-rf", "--help", "'quoted'", '"double"', "%s%n%x", "{0.__class__}", "\x1b[31mred", "concat:a|b", "file:x",
    "http:x", "a..", "up..%2f..%2fetc%2fpasswd", "up..\\..\\evil", "<script>alert(1)</script>", "=1+1", "@SUM(A1)",
    "\\input{x}", "𝕌𝕟𝕚-ñ-日本", "e\u0301", "a" * 240, " lead", "trail ", "*?[a-z]", "~root", "NUL", "%00",
    "&#0;", "\ufeffbom",
)  # fmt: skip


def write_corpus(root: Path, seeds: Mapping[str, bytes], *, rounds: int, whole: int | None = None) -> list[str]:
    """Write the corpus of some whole video files {name with suffix: bytes}, and return the clips' ids.

    `rounds` is how often each mutation of arbitrary bytes is done to each; the other mutations have no seed. `whole`
    limits how many bytes of a mutant are kept, for seeds that are long.
    """
    made: list[str] = []

    def pair(name: str, seed: str) -> Path:
        suffix = Path(seed).suffix
        real, gen = (root / side / f"{name}{suffix}" for side in ("real", "gen"))
        for path in (real, gen):
            path.parent.mkdir(parents=True, exist_ok=True)
        os.link(root / "seeds" / seed, real)
        made.append(name)
        return gen

    (root / "seeds").mkdir(parents=True)
    for seed, data in seeds.items():
        (root / "seeds" / seed).write_bytes(data)
        mutations = {f"{kind}-{n}": mutate for n in range(rounds) for kind, mutate in ANY.items()}
        for kind, mutate in (mutations | dict(HEADERS.get(Path(seed).suffix, {}))).items():
            rng = np.random.default_rng(zlib.crc32(f"{seed} {kind}".encode()))
            pair(f"{seed.replace(chr(46), chr(45))}-{kind}", seed).write_bytes(mutate(data, rng)[:whole])
    seed = next(iter(seeds))
    data = seeds[seed]
    for kind, bad in impostors(data):
        pair(f"impostor-{kind}", seed).write_bytes(bad)
    for kind, picture in pictures():
        _folder(pair(f"frames-{kind}", seed), (picture, picture))
    for number, name in enumerate(NAMES):
        pair(name, seed).write_bytes(data if number % 2 else data[: len(data) // 2])
    _special(pair, seed)
    (root / "gen" / "circle").symlink_to(root / "gen", target_is_directory=True)
    return made


def _folder(gen: Path, frames: tuple[bytes, ...]) -> Path:
    folder = gen.with_suffix("")
    folder.mkdir()
    for number, frame in enumerate(frames, start=1):
        (folder / f"{number:05}.png").write_bytes(frame)
    return folder


def _special(pair: Callable[[str, str], Path], seed: str) -> None:
    """Write what is no regular file, and folders of frames that hold such."""
    good = clips_png(64, 64)
    os.mkfifo(pair("pipe", seed))
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        gen = pair("sock", seed)
        os.chdir(gen.parent)  # a socket's path must be short
        server.bind(gen.name)
        os.chdir(here)
    for name, target in (("loop", None), ("dangling", "nowhere"), ("null", "/dev/null"), ("endless", "/dev/zero")):
        gen = pair(name, seed)
        gen.symlink_to(gen.name if target is None else target)
    pair("empty-folder.mp4", seed).mkdir()
    os.mkfifo(_folder(pair("frames-pipe", seed), (good,)) / "00002.png")
    (_folder(pair("frames-endless", seed), (good,)) / "00002.png").symlink_to("/dev/zero")
    (_folder(pair("frames-loop", seed), (good,)) / "00002.png").symlink_to("00002.png")
    (_folder(pair("frames-folder", seed), (good,)) / "00002.png").mkdir()
    (_folder(pair("frames-gap", seed), (good, good)) / "00009.png").write_bytes(good)
    (_folder(pair("frames-sizes", seed), (good,)) / "00002.png").write_bytes(clips_png(32, 32))
    os.truncate(_folder(pair("frames-hole", seed), (good,)) / "00001.png", 30 * BILLION)


def small_seeds(folder: Path) -> dict[str, bytes]:
    """Clips of six frames, 64 px, in the containers that systems write, one of them with more sound than picture."""
    frames = clips.moving(6, size=64)
    silence = np.zeros(600 * 16_000, np.float32)
    write_video(folder / "sound.mp4", frames, fps=25, audio=(silence, 16_000))
    made = {
        "h264.mp4": clips.write(folder / "h264.mp4", frames),
        "mjpeg.avi": clips.write(folder / "mjpeg.avi", frames, codec="mjpeg", pix_fmt="yuvj420p"),
        "h264.mkv": clips.write(folder / "h264.mkv", frames),
        "mpeg.mpg": clips.write(folder / "mpeg.mpg", frames, codec="mpeg2video"),
        "flash.flv": clips.write(folder / "flash.flv", frames, codec="flv"),
        "sound.mp4": folder / "sound.mp4",
        "before.mkv": clips.write(folder / "before.mkv", frames, times=[-200, -160, -120, -80, -40, 0]),
    }
    return {name: path.read_bytes() for name, path in made.items()}
