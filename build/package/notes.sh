#!/bin/sh
# Prints what CHANGELOG.md says about a version, for the release's page. A
# version such as 1.2.0-rc.1 has the words of 1.2.0; 1.2.0 itself must have its
# date in the heading, "## 1.2.0 – 2027-01-31".
#
#   notes.sh VERSION
set -eu
[ $# -eq 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
cd "$(dirname "$0")/../.."
for version in "$1" "${1%%-*}"; do
	notes=$(awk -v version="$version" '/^## / { on = ($2 == version); next } on' CHANGELOG.md)
	[ -n "$notes" ] || continue
	if [ "${1%-*}" = "$1" ] && ! grep -Eq "^## $1 – [0-9]{4}-[0-9]{2}-[0-9]{2}\$" CHANGELOG.md; then
		echo "notes.sh: the section \"## $1\" in CHANGELOG.md has no date, as in \"## $1 – $(date +%F)\"" >&2
		exit 1
	fi
	printf '%s\n' "$notes"
	exit 0
done
echo "notes.sh: CHANGELOG.md has no section \"## $1\"" >&2
exit 1
