#!/bin/sh
# Installs the Bitfount SDK into a virtual environment and prints the path of
# its Python. One that is there already is used again; about 475 MB.
#
#   install.sh FOLDER
#
# INTEROP_PYTHON names a Python of the version that the SDK needs, 3.12, where
# it is not found by itself.
#
# Exit codes: 0 done, 1 a fault, 2 wrong use, 75 it cannot be had here (no such
# Python, or the package index is not reachable); the reason is on standard error.
set -eu

[ $# = 1 ] || { sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
requirements=$(dirname "$0")/requirements.txt
log=$folder.log

cannot() {
	printf 'skipped: %s\n' "$*" >&2
	exit 75
}

if cmp -s "$requirements" "$folder/installed.txt" && "$folder/bin/python" -c '' 2>/dev/null; then
	printf '%s\n' "$folder/bin/python"
	exit 0
fi

python=''
for candidate in "${INTEROP_PYTHON-}" python3.12 python3 python "${PYENV_ROOT-$HOME/.pyenv}"/versions/3.12*/bin/python; do
	if [ -n "$candidate" ] && "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then
		python=$candidate
		break
	fi
done
[ -n "$python" ] || cannot "the Bitfount SDK needs Python 3.12 with venv, which is not installed here"

# Ten minutes are ample even on a slow line; an index that answers nothing is
# given up after three tries of 15 s.
limited() { if command -v timeout >/dev/null; then timeout 600 "$@"; else "$@"; fi; }

rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
"$python" -m venv "$folder"
printf 'Installing the Bitfount SDK…\n' >&2
if ! limited "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
	--timeout 15 --retries 2 --no-deps --only-binary :all: --no-binary gputil -r "$requirements" >"$log" 2>&1; then
	tail -n 3 "$log" >&2
	cannot "the Bitfount SDK cannot be installed from the package index (all of pip's words are in $log)"
fi
cp "$requirements" "$folder/installed.txt"
printf '%s\n' "$folder/bin/python"
