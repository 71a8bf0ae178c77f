# Copyright 2026 The drivseg_ros authors
# SPDX-License-Identifier: Apache-2.0
# Sourced by the other scripts, which run in the repository's root: finds Python, fills virtual environments.

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 1
}

# Sets PYTHON to an interpreter from 3.10 to 3.14 that can make virtual environments.
find_python() {
  local supported='import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))'
  local name version
  if [ -z "${PYTHON:-}" ]; then
    # Those with wheels of the oldest supported libraries first (scripts/test).
    for name in python3 python3.12 python3.11 python3.10 python3.13 python3.14; do
      if "$name" -c "$supported" >/dev/null 2>&1; then
        PYTHON=$name
        break
      fi
    done
    [ -n "${PYTHON:-}" ] || fail "Python 3.10 to 3.14 is needed and none was found:" \
      "install one (python3 is '$(python3 --version 2>&1 | head -n 1)'), or set PYTHON to its path."
  elif ! command -v "$PYTHON" >/dev/null; then
    fail "PYTHON=$PYTHON is no program; set it to Python 3.10 to 3.14, or leave it out."
  elif ! "$PYTHON" -c "$supported" >/dev/null 2>&1; then
    fail "PYTHON=$PYTHON is '$("$PYTHON" --version 2>&1 | head -n 1)';" \
      "Python 3.10 to 3.14 is needed: set PYTHON to one of them."
  fi
  if ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    fail "$PYTHON cannot make virtual environments. On Debian and Ubuntu:" \
      "sudo apt install python$version-venv"
  fi
}

# A sourced ROS 2 would shadow the wheels of the virtual environment, half of it at least.
forget_sourced_ros() {
  if [ -n "${AMENT_PREFIX_PATH:-}" ]; then
    say "The ROS 2 sourced here (${ROS_DISTRO:-a workspace}) is left aside for the wheels from PyPI."
    unset AMENT_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH ROS_DISTRO ROS_VERSION
  fi
  unset PYTHONPATH RMW_IMPLEMENTATION _ROS_WHEELS_BOOTSTRAP_COMPLETE
}

# fill VENV PIP_ARGUMENT...: makes VENV and installs into it, unless that has been done already.
fill() {
  local venv=$1 wanted
  shift
  wanted=$(
    { printf '%s\n' "$("$PYTHON" -VV)" "$PWD" "$@"; cat setup.py setup.cfg pyproject.toml \
      scripts/constraints-*.txt; } | sha256sum
  )
  if [ "$(cat "$venv/.filled" 2>/dev/null)" = "$wanted" ]; then return; fi
  if [ -d "$venv" ] && [ ! -e "$venv/.filled" ]; then
    fail "$venv is there, but this script did not make it: move it away, or remove it."
  fi
  say "Making $venv with $("$PYTHON" --version)."
  "$PYTHON" -m venv --clear "$venv"
  : >"$venv/.filled"
  say "Installing $*"
  pip_install "$venv" "$@" || fail "pip failed; all it said is in $venv/pip.log"
  printf '%s\n' "$wanted" >"$venv/.filled"
}

# pip_install VENV PIP_ARGUMENT...: errors are shown; on a terminal, one line shows how far pip is.
pip_install() {
  local venv=$1 line count=0
  shift
  # What is imported is compiled then; most of it never is.
  "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
    --no-compile "$@" 2>&1 | tee "$venv/pip.log" | while IFS= read -r line; do
    case $line in
      ERROR* | *error:*) say "$line" ;;
      Collecting* | *Downloading* | Installing*)
        case $line in Collecting*) count=$((count + 1)) ;; esac
        if [ -t 2 ]; then printf '\r\033[K%4d  %.70s' "$count" "$line" >&2; fi
        ;;
    esac
  done
  local status=${PIPESTATUS[0]}
  if [ -t 2 ]; then printf '\r\033[K' >&2; fi
  return "$status"
}
