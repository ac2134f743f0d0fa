"""Several runs at once, with a fair share of the processors each."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Optional, Sequence, Union

from .command import Cancelled
from .errors import SharpsdeError
from .progress import default_progress
from .recipe import Recipe
from .run import Run

TICK = 0.1  # seconds between two looks at the runs


class _Processors:
    """The processors that are free. A run that begins takes an equal share of them, counting the
    runs that may begin beside it."""

    def __init__(self, runs: int) -> None:
        self.count = processors()
        self._free = self.count
        self._waiting = runs
        self._lock = threading.Lock()

    def take(self) -> int:
        with self._lock:
            share = max(1, self._free // max(1, min(self._waiting, self._free)))
            self._waiting -= 1
            self._free -= share
            return share

    def give_back(self, share: int) -> None:
        with self._lock:
            self._free += share


def processors() -> int:
    """Those that a run would use by itself: OMP_NUM_THREADS, or all that this process may."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() and int(asked) > 0 else len(os.sched_getaffinity(0))


def run_all(
    recipes: Sequence[Recipe],
    directory: Union[None, str, "os.PathLike[str]"] = None,
    *,
    force: bool = False,
    progress: bool = True,
    return_errors: bool = False,
) -> list[Union[Run, SharpsdeError]]:
    """Run several recipes, as many at once as there are processors, and return their runs in order.

    Results do not depend on how many run at once. directory: run i, counted from 0, goes to
    directory/i. All recipes are checked before the first one runs. An error stops all runs and is
    raised; with return_errors it stands in the list where its run would.
    """
    for recipe in recipes:
        recipe.check()
    shared = _Processors(len(recipes))
    cancel = threading.Event()

    def run(number: int) -> Union[Run, SharpsdeError]:
        if cancel.is_set():
            raise Cancelled
        share = shared.take()
        try:
            place = None if directory is None else Path(directory) / str(number)
            return recipes[number]._run(place, share, force, None, cancel)
        except SharpsdeError as error:
            if not return_errors:
                cancel.set()
                raise
            return error
        finally:
            shared.give_back(share)

    with ThreadPoolExecutor(max(1, min(shared.count, len(recipes)))) as pool:
        futures = [pool.submit(run, number) for number in range(len(recipes))]
        try:
            _watch(futures, progress)
        except BaseException:
            cancel.set()
            raise
    for future in futures:
        error = future.exception()
        if error is not None and not isinstance(error, Cancelled):
            raise error
    return [future.result() for future in futures]


def _watch(futures: Sequence[Future[Union[Run, SharpsdeError]]], progress: bool) -> None:
    """Until all are done; an interrupt reaches the main thread here."""
    shown: Optional[int] = None
    show = default_progress() if progress else None
    pending = set(futures)
    while pending:
        pending = wait(pending, TICK).not_done
        done = len(futures) - len(pending)
        if show and done != shown:
            shown = done
            show(f"{done} of {len(futures)} runs are done")
    if show:
        show("")
