#!/bin/sh
# Makes a virtual environment with gRPC for Python and, in it, the stubs of proto/kvstore.proto.
# Usage: generate.sh [DIRECTORY]   (default: beside this script; needs python3 with venv, and PyPI)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
into=${1:-$here}
proto=$here/../../packages/server/proto

mkdir -p "$into"
[ -x "$into/.venv/bin/python" ] || python3 -m venv "$into/.venv"
"$into/.venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
"$into/.venv/bin/python" -m grpc_tools.protoc -I "$proto" --python_out="$into" --grpc_python_out="$into" kvstore.proto
