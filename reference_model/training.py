"""One training loop for both stages: Adam, exponential decay, exact resume, every loss term in a CSV file.

Batches follow from the seed and the step (`dataset`), so that a run is the same however often it was interrupted: the
checkpoint holds the step, the network, the optimizer and the schedule. On the CPU it is the same bit for bit with the
same number of threads. Lightning Fabric brings mixed precision and several GPUs.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from ..bench.errors import TalkbenchError
from ..bench.results import replacing
from . import checkpoint
from .checkpoint import Checkpoint

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from .dataset import Batch, Share
    from .profiles import Schedule

Progress = Callable[[int, int, dict[str, float]], None]
"""Called with the steps done, the steps of all, and the losses of the last step that was logged."""

_SAVE_EVERY_S = 30.0
_LOG_EVERY = 10


class Batches(Protocol):
    """The batch of every step; `per_epoch` steps see everything once."""

    per_epoch: int

    def __getitem__(self, step: int) -> Batch:
        """Return the batch of a step."""


class Task(Protocol):
    """What is trained: a network, its batches, and its losses, of which `total` is minimised.

    `config` is everything that decides what the weights become, `data` what is kept beside them.
    """

    module: nn.Module
    schedule: Schedule
    config: dict[str, Any]
    data: dict[str, Any]

    @property
    def steps(self) -> int:
        """Return the number of steps of the whole training."""

    def batches(self, share: Share) -> Batches:
        """Return this process's share of the batches."""

    def losses(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Return every term, and `total`."""


@dataclass(frozen=True)
class Machine:
    """Where it runs: Lightning Fabric's names, such as "cpu" or "cuda", and "32-true" or "bf16-mixed".

    `loaders`: processes that make batches; with 0 the training process makes them itself.
    """

    accelerator: str = "cpu"
    devices: int = 1
    precision: Any = "32-true"
    loaders: int = 0
    compiled: bool = False

    def fabric(self) -> Fabric:
        """Return the launched Fabric. Raises TalkbenchError where the machine has no such device."""
        from lightning_fabric import Fabric

        if self.accelerator == "cuda" and torch.cuda.device_count() < self.devices:
            raise TalkbenchError(
                f"--device cuda: expected {self.devices} GPU{'s' * (self.devices > 1)}, found "
                f"{torch.cuda.device_count()}. Pass --device cpu."
            )
        fabric = Fabric(accelerator=self.accelerator, devices=self.devices, precision=self.precision)
        fabric.launch()
        return fabric


def train(
    task: Task,
    file: Path,
    machine: Machine,
    *,
    max_seconds: float | None = None,
    progress: Progress | None = None,
) -> bool:
    """Train a network, or go on with it, and write its checkpoint and its log; return whether it is finished.

    The log lies beside the checkpoint: a line every 10 steps with the losses of that step, before it was taken. Stops
    after `max_seconds` with all that it has done saved. Raises TalkbenchError where `file` holds a checkpoint of
    another configuration, and where a loss stops being a number.
    """
    start = saved = time.monotonic()
    known = checkpoint.load(file) if file.exists() else None
    if known is not None:
        checkpoint.refuse_other(file, known.config, task.config)
        if known.finished:
            return True
    run = _Run(task, file, machine, known)
    for step, batch in run.left():
        losses = run.take(step, batch)
        done = step + 1
        if done % _LOG_EVERY == 0 or done == run.steps:
            values = run.log(done, losses)
            if progress is not None:
                progress(done, run.steps, values)
        out_of_time = max_seconds is not None and run.agreed(time.monotonic() - start >= max_seconds)
        if done == run.steps or out_of_time or time.monotonic() - saved >= _SAVE_EVERY_S:
            run.save(done)
            saved = time.monotonic()
        if out_of_time and done < run.steps:
            return False
    return True


class _Run:
    """One training from where it stands to where it ends."""

    def __init__(self, task: Task, file: Path, machine: Machine, known: Checkpoint | None) -> None:
        from .dataset import Share

        self._task, self._file, self._log = task, file, file.with_suffix(".csv")
        self._fabric, self._loaders = machine.fabric(), machine.loaders
        self._batches = task.batches(Share(self._fabric.global_rank, self._fabric.world_size))
        schedule = task.schedule
        self.steps = task.steps
        optimizer = torch.optim.Adam(task.module.parameters(), lr=schedule.learning_rate, betas=schedule.betas)
        self._decay = torch.optim.lr_scheduler.ExponentialLR(optimizer, schedule.gamma)
        self._first = 0
        if known is not None and known.training is not None:
            task.module.load_state_dict(known.model)
            optimizer.load_state_dict(known.training["optimizer"])
            self._decay.load_state_dict(known.training["decay"])
            self._first = known.step
        module: Any = torch.compile(task.module) if machine.compiled else task.module
        self._module, self._optimizer = self._fabric.setup(module, optimizer)
        self._module.train()
        self._lines = _lines_until(self._log, self._first)

    def agreed(self, stop: bool) -> bool:
        """Return what the first process wants: all of them must stop after the same step."""
        return bool(self._fabric.broadcast(stop)) if self._fabric.world_size > 1 else stop

    def left(self) -> Iterator[tuple[int, Batch]]:
        """Yield every step that is left, and its batch on the device."""
        from torch.utils.data import DataLoader

        steps = range(self._first, self.steps)
        loader: Any = DataLoader(
            self._batches,  # type: ignore[arg-type]
            batch_size=None,
            sampler=steps,
            num_workers=self._loaders,
            pin_memory=self._fabric.device.type == "cuda",
        )
        for step, batch in zip(steps, loader, strict=True):
            yield step, self._fabric.to_device(batch)

    def take(self, step: int, batch: Batch) -> dict[str, Tensor]:
        """Take one step; return the losses before it."""
        self._optimizer.zero_grad(set_to_none=True)
        losses = self._task.losses(self._module, batch)
        self._fabric.backward(losses["total"])
        self._optimizer.step()
        if (step + 1) % self._batches.per_epoch == 0:
            self._decay.step()
        return {name: value.detach() for name, value in losses.items()}

    def log(self, done: int, losses: dict[str, Tensor]) -> dict[str, float]:
        """Keep a line of the log; return its losses."""
        values = {name: float(value) for name, value in losses.items()}
        _refuse_not_finite(self._file, done, values)
        epoch = (done - 1) // self._batches.per_epoch
        rate = self._optimizer.param_groups[0]["lr"]
        self._lines.append({"step": done, "epoch": epoch, "learning_rate": rate, **values})
        return values

    def save(self, done: int) -> None:
        """Write the log and then the checkpoint; only the first process writes."""
        if not self._fabric.is_global_zero:
            return
        task, finished = self._task, done == self.steps
        training = {"optimizer": self._optimizer.state_dict(), "decay": self._decay.state_dict()}
        model = {name: value.cpu() for name, value in task.module.state_dict().items()}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self._log) as temporary, temporary.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.DictWriter(handle, list(self._lines[0]) if self._lines else ["step"], lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._lines)
        made = Checkpoint(task.config, done, self.steps, model, task.data, None if finished else training)
        checkpoint.save(self._file, made)


def _lines_until(log: Path, step: int) -> list[dict[str, Any]]:
    """Return the lines of a log up to a step: a killed run may have logged more than it saved."""
    if step == 0 or not log.exists():
        return []
    with log.open(newline="", encoding="utf-8") as handle:
        return [dict(line) for line in csv.DictReader(handle) if int(line["step"]) <= step]


def _refuse_not_finite(file: Path, step: int, values: dict[str, float]) -> None:
    if not all(abs(value) < float("inf") for value in values.values()):  # NaN is not smaller than anything
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
        raise TalkbenchError(
            f"{file}: training failed at step {step}: a loss is not finite ({shown}). Use a lower learning rate, or "
            "--precision 32-true."
        )
