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

from installation import files
from installation.pictures import split_weight
from installation.settings import SettingsError
from installation.signals import Still
from installation.stages.work import Plan, Stage, derive_seed
from installation.stills import delivery, engines, job, sources
from installation.stills.archive import Archive
from installation.stills.choices import FILE, read_choices
from installation.stills.engines import Engine, Turnstile
from installation.stills.job import Job
from installation.stills.ledger import Ledger, NotOurs
from installation.stills.naming import Names
from installation.stills.sources import Source
from installation.stills.steps import Step, lay_steps, opening_step, task_of
from installation.stills.tasks import SOURCE
from installation.stills.watching import Watcher


def main(options: Namespace) -> int:
    """`installation still INPUT...`: 0 when every print that was asked for is there, 1 when one is missing."""
    order = job.ask(options)
    if changed := sources.check_hashes(order):
        print("\n".join(changed), file=sys.stderr)
        if not options.anyway:
            print("the print would be another; put them back, or say --anyway", file=sys.stderr)
            return 1
    jobs = max(1, options.jobs)
    threads = options.threads or max(1, (os.cpu_count() or 1) // jobs)
    engine = engines.choose(options.engine, jobs, threads, options.address)
    try:
        return produce(order, engine, threads, options.keep_both)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on where this one was", file=sys.stderr)
        return 130
    finally:
        engine.close()


def produce(order: Job, engine: Engine, threads: int = 0, keep_both: bool = False) -> int:
    """Make every print of a job: what is finished already is not made again, what fails is named and skipped."""
    chain = Chain(order, engine, threads, keep_both)
    chain.make()
    return delivery.conclude(chain.delivery, chain.finished, chain.skipped)


@dataclass
class Chain:
    """Carries the stills of a job through their stages, the furthest first, so that the first print is there soon."""

    order: Job
    engine: Engine
    threads: int = 0
    keep_both: bool = False
    finished: list[Still] = field(default_factory=list)
    skipped: list[delivery.Skipped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.out = Path(self.order.out)
        _check_out(self.out)
        self.archive = Archive(self.out / ".work")
        self.archive.folder.mkdir(parents=True, exist_ok=True)
        self.archive.sweep()
        files.sweep(self.out)
        self.choices = {} if self.order.only else self._read_choices()
        self.turnstile = Turnstile(self.engine.slots)
        self.watcher = Watcher(self.archive, self.engine.slots)
        ledger = Ledger(self.out)
        self.found = sources.find_sources(self.order, frozenset(ledger.hashes()))
        originals = [*(source.path for some in self.found.sets for source in some), *self.order.inputs]
        originals += [split_weight(style)[0] for style in self.order.styles]
        names = Names(ledger, map(Path, originals), self.keep_both)
        self.delivery = delivery.Delivery(self.order, self.archive, ledger, names)

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
        self.skipped += [delivery.Skipped(name, SOURCE, why, True) for name, why in self.found.missed]
        if not self.order.only and (in_the_way := self.delivery.sheets_in_the_way()):
            print(f"no sheets are drawn: {NotOurs(self.out, in_the_way)}", file=sys.stderr)
        ways = self._lay_ways()
        async with self.watcher:
            await asyncio.gather(*(self._carry(found, steps) for found, steps in ways))

    def _lay_ways(self) -> list[tuple[list[Source], list[Step]]]:
        """The steps of each set, less what cannot be delivered or not even begun; raises when no set can begin."""
        ways, errors = [], []
        for found in self.found.sets:
            try:
                steps = lay_steps(self.order, found[0]) if found else []
            except (ValueError, LookupError, OSError, RuntimeError) as error:
                errors.append(error)
                self.skipped += [delivery.Skipped(one.name, SOURCE, delivery.reason(error), True) for one in found]
                continue
            ways.append(([source for source in found if self._can_be_delivered(source, steps)], steps))
        if errors and not ways:
            raise errors[0]
        return [(found, steps) for found, steps in ways if found]

    def _can_be_delivered(self, source: Source, steps: Sequence[Step]) -> bool:
        """Whether the place of its print is free, as far as that is known before it is made."""
        if any(type(step.stage).plan is not Stage.plan for step in steps) or self.order.only:
            return True
        try:
            made = [name for step in steps for name in step.stage.files]
            self.delivery.expect(source, made)
        except OSError as error:
            self._refuse(source.name, error, told=True)
            return False
        return True

    def _refuse(self, name: str, error: BaseException, told: bool = False) -> None:
        self.skipped.append(delivery.Skipped(name, "delivery", delivery.reason(error), True, told))
        if told:
            print(f"skipped {name}: {delivery.reason(error)}", file=sys.stderr)

    async def _carry(self, found: Sequence[Source], steps: Sequence[Step]) -> None:
        try:
            opened = await asyncio.gather(*(self._open(source, steps) for source in found))
            await self._follow([still for still in opened if still], steps)
        except Exception as error:  # what keeps a set from going on leaves the others alone
            name = found[0].name if len(found) == 1 else "everything"
            self.skipped.append(delivery.Skipped(name, "chain", delivery.reason(error), True))

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
        self.delivery.list_takes(rest[0].name, made)
        await self._follow(rest[0].stage.choose(made, self.choices), rest[1:])

    async def _alone(self, still: Still, steps: Sequence[Step], to_the_end: bool) -> list[Still]:
        if not steps:
            if to_the_end and self._deliver(still):
                self.finished.append(still)
            return [still]
        made = await self._run(steps[0], [still])
        return _flat(await asyncio.gather(*(self._alone(next_, steps[1:], to_the_end) for next_ in made)))

    async def _run(self, step: Step, stills: Sequence[Still]) -> list[Still]:
        """What the step makes of these stills, less what failed."""
        plans = [plan for plan in step.stage.plan(stills) if self._wanted(plan.name, step)]
        self.watcher.expect(step.name, len(plans))
        made = await asyncio.gather(*(self._make(step, plan) for plan in plans))
        return [still for still in made if still]

    async def _open(self, source: Source, steps: Sequence[Step]) -> Still | None:
        self.watcher.expect(SOURCE, 1)
        plan = Plan((), derive_seed(self.order.seed, source.name), source.name)
        return await self._make(opening_step(source, steps), plan)

    def _deliver(self, still: Still) -> bool:
        """Whether the print lies where it belongs now."""
        try:
            self.delivery.deliver(still)
            return True
        except delivery.Torn as error:
            self.archive.discard("print_file", still.key)
            self._refuse(still.name, delivery.Torn(f"{error}; the same command makes it again"))
        except Exception as error:  # a full disk, or somebody else's file: the others are delivered
            self._refuse(still.name, error)
        return False

    async def _make(self, step: Step, plan: Plan) -> Still | None:
        """One result: from the archive if it is there, else by the engine; None, and a reason kept, when it fails."""
        task = task_of(step, plan, self.archive, self.threads)
        found = self.archive.find(task.stage, task.key)
        if found and not self.archive.holds(found, task.stage):
            self.archive.discard(task.stage, task.key)
        elif found:
            self.watcher.done(task, 0.0)
            return found
        try:
            async with self.turnstile.turn(step.depth):
                self.watcher.done(task, await self.engine.run(task))
            return self.archive.open(task.stage, task.key)
        except Exception as error:  # whatever is wrong with one picture, the others go on
            self.watcher.done(task, None)
            self.skipped.append(delivery.Skipped(plan.name, step.name, delivery.reason(error), not step.spare))
            return None

    def _wanted(self, name: str, step: Step) -> bool:
        """Whether a result leads to a print that is to be made again; references lead to all of them."""
        only = self.order.only
        if not only or step.spare:
            return True
        return any(wanted == name or wanted.startswith(f"{name}-") for wanted in only)


def _check_out(out: Path) -> None:
    """Raises SettingsError when prints cannot lie there because something else does."""
    if os.path.lexists(out) and not out.is_dir():
        raise SettingsError(f"--out {out}: expected a folder, or nothing yet, found something else")


def _flat(lists: Iterable[list[Still]]) -> list[Still]:
    return [still for some in lists for still in some]
