"""Workers from a SLURM queue: what a TOML file says of the jobs, submitted through dask-jobqueue."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import TalkbenchError

Text = Annotated[str, Field(min_length=1)]


class Slurm(BaseModel):
    """A slurm.toml: `jobs` jobs of `cores` cores, each core a worker. What is left out is the queue's own choice."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    jobs: Annotated[int, Field(ge=1, le=10_000)]
    cores: Annotated[int, Field(ge=1, le=1024)]
    memory: Annotated[str, Field(pattern=r"^[1-9][0-9]*(\.[0-9]+)? ?[MGT]i?B$")]
    walltime: Annotated[str, Field(pattern=r"^([0-9]+-)?[0-9]{1,3}:[0-9]{2}(:[0-9]{2})?$")]
    queue: Text | None = None
    account: Text | None = None
    interface: Text | None = None
    python: Text | None = None
    log_directory: Text | None = None
    local_directory: Text | None = None
    directives: tuple[Text, ...] = Field((), strict=False)
    prologue: tuple[Text, ...] = Field((), strict=False)


def read(file: Path) -> Slurm:
    """Read a slurm.toml. Raises TalkbenchError with the field that is wrong."""
    try:
        return Slurm.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise TalkbenchError(f"{file}: cannot be read ({error.strerror}). Expected a TOML file about jobs.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TalkbenchError(f"{file}: is not TOML ({error}).") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"])) or "the file"
        known = ", ".join(Slurm.model_fields)
        hint = f" There are: {known}." if first["type"] == "extra_forbidden" else f" Found {first['input']!r}."
        raise TalkbenchError(f"{file}: {name}: {first['msg']}.{hint if first['type'] != 'missing' else ''}") from error


@contextmanager
def queued(file: str) -> Iterator[str]:
    """Submit the jobs of a slurm.toml, keep their number up while the block lasts, and give the scheduler's address.

    Raises TalkbenchError where the file is wrong or the queue takes no job.
    """
    asked = read(Path(file))
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise TalkbenchError(f"{file}: needs dask-jobqueue. Install it: pip install 'talkbench[cluster]'.") from error
    try:
        cluster = SLURMCluster(
            queue=asked.queue,
            account=asked.account,
            cores=asked.cores,
            processes=asked.cores,
            memory=asked.memory,
            walltime=asked.walltime,
            interface=asked.interface,
            python=asked.python,
            log_directory=asked.log_directory,
            local_directory=asked.local_directory,
            job_extra_directives=list(asked.directives),
            job_script_prologue=list(asked.prologue),
            scheduler_options={"dashboard": False},
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise TalkbenchError(f"{file}: no scheduler can be started here ({error}). Check interface.") from error
    with cluster:
        # Not scale(): a job that ends with its time, or dies, is submitted again.
        cluster.adapt(minimum_jobs=asked.jobs, maximum_jobs=asked.jobs)
        yield cluster.scheduler_address
