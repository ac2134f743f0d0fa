#!/usr/bin/env bash
# Install what is missing of a list of Debian packages: deps.sh LIST (see packages.txt). Where all
# is there it says so in one line and asks nothing. A dependency counts as there when its package is
# installed, or when it is found without one: as a program, a header, or through pkg-config.
set -euo pipefail

list=${1:?usage: deps.sh LIST}

has_header() {
  # shellcheck disable=SC2086 # CPPFLAGS is a list of words
  echo "#include <$1>" | ${CC:-cc} ${CPPFLAGS:-} -fsyntax-only -x c - 2>/dev/null
}

found_without_package() {
  local name=${1#lib}
  case $1 in
    libc6-dev) has_header stdio.h ;;
    librandom123-dev) has_header Random123/threefry.h ;;
    lib*-dev) pkg-config --exists "${name%-dev}" || pkg-config --exists "lib${name%-dev}" ;;
    check) pkg-config --exists check ;;
    bsdextrautils) command -v col ;;
    python3-netcdf4) python3 -c 'import netCDF4' ;;
    python3-*) python3 -c "import ${1#python3-}" ;;
    r-base-core) command -v Rscript ;;
    r-cran-*) Rscript --vanilla -e "library(${1#r-cran-})" ;;
    *) command -v "${1%-nox}" ;;
  esac >/dev/null 2>&1
}

packages=()
while read -r name _; do
  [ -z "${name%%#*}" ] || packages+=("${name%%#*}")
done <"$list"
# shellcheck disable=SC2016 # dpkg-query's own variables
status_format='${Package} ${db:Status-Status}\n'
installed=$(dpkg-query -W -f "$status_format" "${packages[@]}" 2>/dev/null || true)

missing=()
for package in "${packages[@]}"; do
  grep -qx "$package installed" <<<"$installed" || found_without_package "$package" ||
    missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "deps: all there"
  exit 0
fi

stop() {
  echo "deps: $1; missing: ${missing[*]} (names of Debian packages)" >&2
  echo "deps: libraries under a prefix of yours are found through PKG_CONFIG_PATH and CPPFLAGS" >&2
  exit 1
}

command -v apt-get >/dev/null || stop "no apt on this machine"
root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || stop "not root, and no sudo on this machine"
  root=(sudo)
fi

echo "deps: to be installed:"
printf '  %s\n' "${missing[@]}"
"${root[@]}" apt-get update -qq ||
  echo "deps: apt-get update failed; trying with the lists there are" >&2
"${root[@]}" env DEBIAN_FRONTEND=noninteractive \
  apt-get install -y -qq --no-install-recommends "${missing[@]}" || stop "apt-get install failed"
