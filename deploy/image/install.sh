#!/bin/sh
# Installs Toolgate from a source tree into /opt/toolgate, owned by root, and makes the user that runs it.
# The Dockerfile and `make image-check` both run this file, so what is checked is what is built.
#   install.sh SOURCE
set -eu

source=$1
prefix=/opt/toolgate
home=/srv/toolgate
pip='-m pip install --quiet --disable-pip-version-check --no-cache-dir --no-compile --no-deps'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! id toolgate >/dev/null 2>&1; then
    useradd --uid 10001 --user-group --no-log-init --home-dir "$home" --shell /usr/sbin/nologin toolgate
fi
install -d -o toolgate -g toolgate -m 0750 "$home"

# (1) the wheel, in an environment of its own that does not stay
python3 -m venv "$work/build"
# shellcheck disable=SC2086 - options, not one word
"$work/build/bin/python" $pip --require-hashes -r "$source/requirements-build.lock"
"$work/build/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
    --wheel-dir "$work/wheel" "$source"

# (2) the libraries, exactly those of the lock file
python3 -m venv "$prefix"
# shellcheck disable=SC2086
"$prefix/bin/python" $pip --require-hashes -r "$source/requirements.lock"

# (3) Toolgate itself; nothing is resolved, so a library that the lock lacks shows here
# shellcheck disable=SC2086
"$prefix/bin/python" $pip --no-index "$work"/wheel/*.whl
"$prefix/bin/python" -m pip check --disable-pip-version-check
"$prefix/bin/python" -m compileall -q "$prefix/lib"
install -m 0644 "$source/deploy/image/healthcheck.py" "$prefix/healthcheck.py"
