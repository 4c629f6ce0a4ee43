"""`talkbench study build`: make every stimulus, draw the slots, and write both into a new database."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from ... import __version__
from ..errors import TalkbenchError
from ..pairing import GROUND_TRUTH, Plan, plan_folders
from ..vocabulary import AS_IS
from .config import FILE, Config, digest, read
from .database import Database, address
from .design import Cell, Planned, plan_slots
from .schema import Participant, Slot, Stimulus, Study
from .stimuli import RECIPE, Facts, Made, Source, check_playable, make, unblinding, write_check

STIMULI = "stimuli"
SECRET = "secret.key"  # noqa: S105  # a file name
_CHECKS = 4


@dataclass(frozen=True)
class Built:
    """What a build made."""

    clips: tuple[str, ...]
    stimuli: int
    slots: int
    trials: int
    seconds: float
    warnings: tuple[str, ...]


def build(study: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Built:
    """Build the study in a folder from its study.toml. Raises TalkbenchError where raters have been there already."""
    config, text = read(study / FILE)
    database = Database(address(study))
    try:
        database.create()
        _refuse_used(database, study)
        main, training, sources, warnings = _choose(study, config)
        made, notices = _make_all(study, config, main, training, sources, progress)
        measured = {cell: made[cell].facts for cell in made if cell[0] in main}
        checks = _make_checks(study / STIMULI, config.seed)
        slots = plan_slots(config, main, training, list(notices))
        with database.writing() as session:
            _store(session, config, text, made, sources, notices, checks, slots)
            kept = set(session.scalars(select(Stimulus.file)))
        for file in (study / STIMULI).glob("*.mp4"):
            if file.name not in kept:
                file.unlink()  # an earlier build's
        _write_secret(study / SECRET)
    finally:
        database.close()
    return Built(
        clips=tuple(main),
        stimuli=len(made) + len(notices),
        slots=len(slots),
        trials=len(slots[0]),
        seconds=_longest(slots, made, notices),
        warnings=(*warnings, *unblinding(measured)),
    )


def _refuse_used(database: Database, study: Path) -> None:
    with database.reading() as session:
        raters = session.scalar(select(func.count()).select_from(Participant))
    if raters:
        raise TalkbenchError(
            f"{study}: {raters} rater{'s have' if raters > 1 else ' has'} taken part already, and a change would mix "
            "two studies. Build in a new folder."
        )


def _choose(study: Path, config: Config) -> tuple[list[str], list[Cell], dict[Cell, Source], list[str]]:
    """Draw the main clips and the practice cells; return them with the source of every cell, and warnings."""
    plan = plan_folders(
        study / config.clips.reference,
        {name: study / folder for name, folder in config.methods.items()},
        key=config.clips.key,
    )
    sources = _sources(plan, config)
    complete = [clip.id for clip in plan.clips if all((clip.id, method) in sources for method in config.conditions)]
    wanted = _wanted(complete, config, study, plan)
    rng = np.random.default_rng([config.seed, 0])
    drawn = [wanted[i] for i in rng.permutation(len(wanted))]
    main, warnings = sorted(drawn[: config.clips.count]), []
    spare = drawn[config.clips.count :] or [clip for clip in complete if clip not in main] or main
    if config.design.training and spare is main:
        warnings.append(
            "no clip is left for practice: the practice videos show clips that are rated later. Lower clips.count by 1."
        )
    methods = [config.conditions[i] for i in rng.permutation(len(config.conditions))]
    training = [(spare[i % len(spare)], methods[i % len(methods)]) for i in range(config.design.training)]
    left = {method: len(plan.clips) - len(complete) for method in config.methods if plan.missing[method]}
    if left and not config.clips.only:
        names = ", ".join(f"{method} lacks {len(plan.missing[method])}" for method in left)
        warnings.append(f"{len(plan.clips) - len(complete)} clips are left out, not made by every method ({names}).")
    return main, training, sources, warnings


def _sources(plan: Plan, config: Config) -> dict[Cell, Source]:
    sources = {
        (clip.id, GROUND_TRUTH): Source(clip.id, GROUND_TRUTH, clip.video, AS_IS, clip.video) for clip in plan.clips
    }
    for pair in plan.pairs:
        take, clip = pair.take, pair.clip
        if take.video is not None:
            sound = take.video if config.stimuli.sound == "own" else clip.video
            sources[clip.id, take.method] = Source(clip.id, take.method, take.video, take.reading, sound)
    return sources


def _wanted(complete: Sequence[str], config: Config, study: Path, plan: Plan) -> list[str]:
    unknown = [clip for clip in config.clips.only if clip not in complete]
    if unknown:
        raise TalkbenchError(
            f"{study / FILE}: clips.only: {unknown[0]!r} is not a clip that every method has. "
            f"They have: {', '.join(complete[:5])}{', …' if len(complete) > 5 else ''}."
        )
    wanted = [clip for clip in complete if not config.clips.only or clip in config.clips.only]
    if len(wanted) < config.clips.count:
        fewest = min(config.methods, key=lambda method: len(plan.clips) - len(plan.missing[method]))
        raise TalkbenchError(
            f"{study / FILE}: clips.count is {config.clips.count}, but {len(wanted)} clips are there under every "
            f"method ({fewest} has fewest). Lower it, or make the missing videos."
        )
    return wanted


def _make_all(
    study: Path,
    config: Config,
    main: Sequence[str],
    training: Sequence[Cell],
    sources: Mapping[Cell, Source],
    progress: Callable[[int, int], None],
) -> tuple[dict[Cell, Made], dict[str, tuple[Made, int]]]:
    """Make the stimuli of all cells, and the attention items with the score that each asks for."""
    folder = study / STIMULI
    cells = list(dict.fromkeys([*((clip, method) for clip in main for method in config.conditions), *training]))
    total = len(cells) + config.design.attention
    made: dict[Cell, Made] = {}
    progress(0, total)
    for cell in cells:
        made[cell] = make(sources[cell], config.stimuli, folder)
        progress(len(made), total)
    rng = np.random.default_rng([config.seed, 3])
    notices: dict[str, tuple[Made, int]] = {}
    for number in range(config.design.attention):
        score = int(rng.choice(config.shared_scores))
        method = str(rng.choice(config.conditions))
        source = sources[main[int(rng.integers(len(main)))], method]
        name, text = f"attention-{number + 1}", config.attention_text.replace("{score}", str(score))
        notices[name] = (make(source, config.stimuli, folder, notice=(name, text)), score)
        progress(len(made) + len(notices), total)
    return made, notices


def _make_checks(folder: Path, seed: int) -> list[Stimulus]:
    """Make the clips of the device check."""
    rng = np.random.default_rng([seed, 4])
    checks: list[Stimulus] = []
    for tones, digit in zip(rng.permutation([2, 3, 4, 5]), rng.permutation(range(1, 10)), strict=False):
        file = folder / f"{hashlib.sha256(f'{RECIPE}|check|{tones}|{digit}'.encode()).hexdigest()[:24]}.mp4"
        if not file.is_file():
            write_check(file, int(tones), int(digit))
        facts = check_playable(file)
        checks.append(
            Stimulus(
                kind="check",
                clip=f"check-{len(checks) + 1}",
                method="",
                file=file.name,
                sha256=hashlib.sha256(file.read_bytes()).hexdigest(),
                source="",
                source_sha256="",
                duration=facts.duration,
                facts=facts.as_json(),
                expected=f"{tones} {digit}",
            )
        )
    return checks


def _store(
    session: Session,
    config: Config,
    text: str,
    made: Mapping[Cell, Made],
    sources: Mapping[Cell, Source],
    notices: Mapping[str, tuple[Made, int]],
    checks: Sequence[Stimulus],
    slots: Sequence[Sequence[Planned]],
) -> None:
    for table in (Slot, Stimulus, Study):
        session.execute(delete(table))
    session.add(Study(id=1, config=text, config_sha256=digest(text), version=__version__, built=time.time()))
    rows: dict[Cell, Stimulus] = {}
    for (clip, method), one in made.items():
        rows[clip, method] = _row("video", clip, method, one, str(sources[clip, method].video), None)
    for name, (one, score) in notices.items():
        rows[name, ""] = _row("attention", name, "", one, "", str(score))
    session.add_all([*rows.values(), *checks])
    session.flush()
    for number, slot in enumerate(slots):
        session.add(Slot(seq=number, trials=[(trial.kind, rows[trial.clip, trial.method].id) for trial in slot]))


def _row(kind: str, clip: str, method: str, made: Made, source: str, expected: str | None) -> Stimulus:
    return Stimulus(
        kind=kind,
        clip=clip,
        method=method,
        file=made.file,
        sha256=made.sha256,
        source=source,
        source_sha256=made.source_sha256,
        duration=made.facts.duration,
        facts=made.facts.as_json(),
        expected=expected,
    )


def _write_secret(file: Path) -> None:
    """Write the key of pseudonyms and cookies once, for the owner alone to read."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32), encoding="ascii")


def _longest(
    slots: Sequence[Sequence[Planned]], made: Mapping[Cell, Made], notices: Mapping[str, tuple[Made, int]]
) -> float:
    """Return how long the videos of the longest slot play, in s."""
    lengths: dict[Cell, Facts] = {cell: one.facts for cell, one in made.items()}
    lengths |= {(name, ""): one.facts for name, (one, _) in notices.items()}
    return max(sum(lengths[trial.clip, trial.method].duration for trial in slot) for slot in slots)
