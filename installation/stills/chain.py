"""The print chain: moments, pictures or references in; print-ready files, and all that made them, out."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from installation import files, plugins
from installation.signals import Still
from installation.stages.work import Plan, Stage, derive_seed
from installation.stills import delivery, engines, job, sources, tasks
from installation.stills.archive import Archive, key_of
from installation.stills.choices import FILE, read_choices
from installation.stills.engines import Engine, Turnstile
from installation.stills.job import Job
from installation.stills.sources import Source
from installation.stills.tasks import SOURCE, Task
from installation.stills.watching import Watcher


def main(options: Namespace) -> int:
    """`installation still INPUT...`: 0 when every print that was asked for is there, 1 when one is missing."""
    order = job.ask(options)
    jobs = max(1, options.jobs)
    threads = options.threads or max(1, (os.cpu_count() or 1) // jobs)
    engine = engines.choose(options.engine, jobs, threads, options.address)
    try:
        return produce(order, engine, threads)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on where this one was", file=sys.stderr)
        return 130
    finally:
        engine.close()


def produce(order: Job, engine: Engine, threads: int = 0) -> int:
    """Make every print of a job: what is finished already is not made again, what fails is named and skipped."""
    chain = Chain(order, engine, threads)
    chain.make()
    return delivery.conclude(order, chain.archive, chain.finished, chain.skipped)


@dataclass(frozen=True)
class Step:
    """A stage as the job set it; the deeper, the nearer to the print. spare: it works on one reference of several."""

    name: str
    settings: dict[str, Any]
    stage: Stage
    depth: int
    spare: bool = False


@dataclass
class Chain:
    """Carries the stills of a job through their stages, the furthest first, so that the first print is there soon."""

    order: Job
    engine: Engine
    threads: int = 0
    finished: list[Still] = field(default_factory=list)
    skipped: list[delivery.Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.out = Path(self.order.out)
        self.archive = Archive(self.out / ".work")
        self.archive.folder.mkdir(parents=True, exist_ok=True)
        self.archive.sweep()
        files.sweep(self.out)
        self.choices = {} if self.order.only else self._read_choices()
        self.turnstile = Turnstile(self.engine.slots)
        self.watcher = Watcher(self.archive, self.engine.slots)

    def _read_choices(self) -> dict[str, str]:
        chosen = read_choices(self.out)
        if chosen.fault:
            told = f"cannot be read whole ({chosen.fault}); {len(chosen.said)} choices can be had of it"
            print(f"{self.out / FILE}: {told}", file=sys.stderr)
        return chosen.said

    def make(self) -> None:
        """Carry all sources of the job to their ends; fills `finished` and `skipped`."""
        asyncio.run(self._carry_all())

    async def _carry_all(self) -> None:
        """All references together, and each moment and picture by itself; a print is delivered when it is whole."""
        sets = sources.find_sources(self.order)
        async with self.watcher:
            await asyncio.gather(*(self._carry(found) for found in sets))

    async def _carry(self, found: Sequence[Source]) -> None:
        steps = self._steps(found[0])
        opened = await asyncio.gather(*(self._open(source) for source in found))
        await self._follow([still for still in opened if still], steps)

    async def _follow(self, stills: list[Still], steps: Sequence[Step]) -> None:
        """Through all steps: each still alone as far as it can, together where a stage has to see them all."""
        ahead = list(itertools.takewhile(lambda step: not step.stage.gathers, steps))
        rest = steps[len(ahead) :]
        arrived = _flat(await asyncio.gather(*(self._alone(still, ahead, not rest) for still in stills)))
        if not rest:
            return
        if not arrived:
            self.skipped.append(delivery.Skipped("everything", rest[0].name, "nothing is left to work on", True))
            return
        made = await self._run(rest[0], arrived)
        delivery.list_takes(self.archive, rest[0].name, made)
        await self._follow(rest[0].stage.choose(made, self.choices), rest[1:])

    async def _alone(self, still: Still, steps: Sequence[Step], to_the_end: bool) -> list[Still]:
        if not steps:
            if to_the_end:
                self.finished.append(delivery.deliver(self.order, self.archive, still))
            return [still]
        made = await self._run(steps[0], [still])
        return _flat(await asyncio.gather(*(self._alone(next_, steps[1:], to_the_end) for next_ in made)))

    async def _run(self, step: Step, stills: Sequence[Still]) -> list[Still]:
        """What the step makes of these stills, less what failed."""
        plans = [plan for plan in step.stage.plan(stills) if self._wanted(plan.name, step)]
        self.watcher.expect(step.name, len(plans))
        made = await asyncio.gather(*(self._make(step, plan) for plan in plans))
        return [still for still in made if still]

    async def _open(self, source: Source) -> Still | None:
        stage = tasks.open_stage(SOURCE, source.settings)
        stage.fingerprint = source.sha256
        self.watcher.expect(SOURCE, 1)
        plan = Plan((), derive_seed(self.order.seed, source.name), source.name)
        return await self._make(Step(SOURCE, source.settings, stage, 0, source.kind == job.REFERENCES), plan)

    async def _make(self, step: Step, plan: Plan) -> Still | None:
        """One result: from the archive if it is there, else by the engine; None, and a reason kept, when it fails."""
        task = self._task(step, plan)
        if self.archive.has(task.stage, task.key):
            self.watcher.done(task, 0.0)
            return self.archive.open(task.stage, task.key)
        try:
            async with self.turnstile.turn(step.depth):
                self.watcher.done(task, await self.engine.run(task))
            return self.archive.open(task.stage, task.key)
        except Exception as error:  # whatever is wrong with one picture, the others go on
            self.watcher.done(task, None)
            self.skipped.append(delivery.Skipped(plan.name, step.name, delivery.reason(error), not step.spare))
            return None

    def _task(self, step: Step, plan: Plan) -> Task:
        inputs = tuple((str(s.history[-1]["stage"]), s.key) for s in plan.stills)
        keys = tuple(key for _, key in inputs)
        fingerprint = step.stage.fingerprint
        key = key_of(step.name, step.settings, fingerprint, keys, plan.seed, plan.name)
        needs = {} if step.name == SOURCE else getattr(plugins.load("stages", step.name), "NEEDS", {})
        preview = str(self.out / "preview" / f"{plan.name}.jpg")
        where = str(self.archive.folder.resolve())
        return Task(
            step.name,
            step.settings,
            fingerprint,
            inputs,
            plan.seed,
            plan.name,
            key,
            where,
            preview,
            self.threads,
            dict(needs),
        )

    def _steps(self, source: Source) -> list[Step]:
        steps, names = [], job.chain(self.order, source.kind)
        joined = names.index("composition") if "composition" in names else 0
        for depth, name in enumerate(names, 1):
            settings = job.stage_settings(self.order, name, source.size)
            steps.append(Step(name, settings, tasks.open_stage(name, settings), depth, depth <= joined))
        return steps

    def _wanted(self, name: str, step: Step) -> bool:
        """Whether a result leads to a print that is to be made again; references lead to all of them."""
        only = self.order.only
        if not only or step.spare:
            return True
        return any(wanted == name or wanted.startswith(f"{name}-") for wanted in only)


def _flat(lists: Iterable[list[Still]]) -> list[Still]:
    return [still for some in lists for still in some]
