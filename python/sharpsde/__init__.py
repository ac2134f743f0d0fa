"""SDEs of SGD and sharpness-aware minimisation beside the optimizers themselves, in Python.

It calls the command `sharpsde` and reads what the command leaves:

    import sharpsde
    run = sharpsde.Recipe("golden").set(eta=[0.1, 0.05], paths=2000).run()
    run.verdicts, run.table("series"), run.plot("series")
"""

from .errors import InstallError, RecipeError, RunError, RunWarning, SharpsdeError
from .inputs import quadratic
from .parallel import run_all
from .recipe import Check, Recipe, recipes
from .run import Picture, Run, Verdict, Verdicts, open
from .text import Listing, explain, losses, new, noise, observables, optimizers, schemes, studies
from .version import VERSION as __version__

__all__ = [
    "Check", "InstallError", "Listing", "Picture", "Recipe", "RecipeError", "Run", "RunError",
    "RunWarning", "SharpsdeError", "Verdict", "Verdicts", "__version__", "explain", "losses",
    "new", "noise", "observables", "open", "optimizers", "quadratic", "recipes", "run_all",
    "schemes", "studies",
]
