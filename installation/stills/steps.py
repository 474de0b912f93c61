"""A job and one of its sources in; the steps that the source goes through, and the tasks that workers get, out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from installation import plugins
from installation.stages.work import Plan, Stage
from installation.stills import job, lineage, tasks
from installation.stills.archive import Archive, key_of
from installation.stills.job import Job
from installation.stills.sources import Source
from installation.stills.tasks import SOURCE, Task


@dataclass(frozen=True)
class Step:
    """A stage as the job set it; the deeper, the nearer to the print.

    lineage is of the code that works in it; spare: it works on one reference of several.
    """

    name: str
    settings: dict[str, Any]
    stage: Stage
    depth: int
    lineage: str
    spare: bool = False


def lay_steps(order: Job, source: Source) -> list[Step]:
    """All steps from a source to its print. Raises what a stage raises that cannot be opened as it was set."""
    names = job.chain(order, source.kind)
    joined = names.index("composition") if "composition" in names else 0
    steps = []
    for depth, name in enumerate(names, 1):
        settings = job.stage_settings(order, name, source.size, source.kind)
        steps.append(
            Step(name, settings, tasks.open_stage(name, settings), depth, lineage.of_stage(name), depth <= joined)
        )
    return steps


def opening_step(source: Source, steps: Sequence[Step]) -> Step:
    """The step before all others. A moment's generator is enlarged as its print will be, before effects are drawn."""
    settings, reads = source.settings, [source.sha256]
    if source.kind == "moment" and (upscale := next((step for step in steps if step.name == "upscale"), None)):
        settings = settings | {"enlarging": upscale.settings}
        reads.append(upscale.stage.fingerprint)
    stage = tasks.open_stage(SOURCE, settings)
    stage.fingerprint = " ".join(filter(None, reads))
    return Step(SOURCE, settings, stage, 0, source.lineage, source.kind == job.REFERENCES)


def task_of(step: Step, plan: Plan, archive: Archive, threads: int) -> Task:
    """One run of a step as a worker is told of it, under the key of all that decides its pixels."""
    inputs = tuple((str(still.history[-1]["stage"]), still.key) for still in plan.stills)
    keys = tuple(key for _, key in inputs)
    fingerprint = step.stage.fingerprint
    return Task(
        stage=step.name,
        settings=step.settings,
        fingerprint=fingerprint,
        inputs=inputs,
        seed=plan.seed,
        name=plan.name,
        key=key_of(step.name, step.settings, fingerprint, keys, plan.seed, plan.name, step.lineage),
        archive=str(archive.folder.resolve()),
        preview=str(archive.folder / "preview" / f"{plan.name}.jpg"),
        threads=threads,
        needs={} if step.name == SOURCE else dict(getattr(plugins.load("stages", step.name), "NEEDS", {})),
        lineage=step.lineage,
    )
