#!/bin/sh
# Prints what CHANGELOG.md says about a version, for the release's page. A
# version such as 1.2.0-rc.1 has the words of 1.2.0.
#
#   notes.sh VERSION
set -eu
[ $# -eq 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/../.."
for version in "$1" "${1%%-*}"; do
	notes=$(awk -v version="$version" '/^## / { on = ($2 == version); next } on' CHANGELOG.md)
	[ -z "$notes" ] || { printf '%s\n' "$notes"; exit 0; }
done
echo "notes.sh: CHANGELOG.md has no section \"## $1\"" >&2
exit 1
