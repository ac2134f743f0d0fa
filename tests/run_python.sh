#!/usr/bin/env bash
# The Python package, from the source tree and as `make install PYTHON=1` leaves it: its tests under
# pytest, its types under mypy, its style under flake8. What is missing here is skipped by name.
set -euo pipefail

# shellcheck source=tests/prelude.bash
source "$(dirname "$0")/prelude.bash"

# Debian's own, which has Debian's packages, where the first one has none.
python=''
for each in python3 /usr/bin/python3; do
  ! "$each" -c 'import numpy, pytest' 2>/dev/null || { python=$each; break; }
done
if [ -z "$python" ]; then
  echo "skipped: no python3 with numpy and pytest, so the Python package is not tested; make deps CHECK=1"
  exit 77
fi
has() { "$python" -c "import $1" 2>/dev/null; }
for module in pandas xarray netCDF4 nbclient ipykernel; do
  has $module || echo "skipped: no $module, so what needs it in Python is not tested; make deps CHECK=1"
done

export SHARPSDE=$program PYTHONPATH=$root/python PYTHONDONTWRITEBYTECODE=1 MPLBACKEND=Agg
export JUPYTER_PLATFORM_DIRS=1 IPYTHONDIR=$scratch/ipython JUPYTER_RUNTIME_DIR=$scratch/jupyter
"$python" -m pytest -q -c "$root/python/pyproject.toml" "$root/python/tests" >tested 2>&1 ||
  fail "$(cat tested)"

if has mypy; then
  "$python" -m mypy --config-file "$root/python/pyproject.toml" --cache-dir "$scratch/mypy" \
    "$root/python/sharpsde" >typed 2>&1 || fail "mypy: $(cat typed)"
else
  echo "skipped: no mypy, so types are not checked; make deps CHECK=1"
fi
if has flake8; then
  "$python" -m flake8 --config "$root/python/.flake8" "$root/python" || fail "flake8, above"
else
  echo "skipped: no flake8, so the style of Python is not checked; make deps CHECK=1"
fi

# Installed, it finds the command, recipes and data of its own prefix, and leaves with it.
stage=$scratch/stage
make_stage() {
  make --no-print-directory -C "$root" "$1" B="$(dirname "$program")" DESTDIR="$stage" \
    PYTHON=1 PYTHON3="$python" >said 2>&1 || fail "make $1: $(cat said)"
}
make_stage install
site=$(find "$stage" -path '*/sharpsde/__init__.py' -printf '%h')
prefix=$(realpath "$(dirname "$(find "$stage" -path '*/bin/sharpsde')")/..")
grep -qF "PYTHONPATH=$(sed -n "s|^$stage\(.*\)/sharpsde$|\1|p" <<<"$site")" said || fail "where it is, is not said: $(cat said)"
unset SHARPSDE
export PYTHONPATH=${site%/*}
"$python" - "$prefix" "$root" <<'END' || fail "the installed package"
import sys
import sharpsde
from sharpsde import command
prefix, tree = sys.argv[1:]
assert str(command.find()) == prefix + "/bin/sharpsde", command.find()
assert sharpsde.__file__.startswith(prefix), sharpsde.__file__
assert "golden" in sharpsde.recipes()
assert tree not in sharpsde.Recipe("golden").check().recipe
END
make_stage uninstall
left=$(find "$stage" -name '*sharpsde*')
[ -z "$left" ] || fail "uninstall leaves $left"
tail -n 1 tested
