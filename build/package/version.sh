#!/bin/sh
# Prints the semantic version of this source: that of the tag v1.2.3 if the
# commit carries one, else 0.0.0-dev. The variable VERSION overrules both.
set -eu
if [ -n "${VERSION-}" ]; then
	version=$VERSION
else
	tag=$(git describe --tags --exact-match --match 'v[0-9]*' 2>/dev/null || echo v0.0.0-dev)
	version=${tag#v}
fi
# https://semver.org, without build metadata: no package format has that. One
# line, because grep would be content with a good one among bad ones.
number='(0|[1-9][0-9]*)'
word="($number|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
if [ "$(printf '%s\n' "$version" | wc -l)" -ne 1 ] ||
	! printf '%s\n' "$version" | grep -Eqx "$number\.$number\.$number(-$word(\.$word)*)?"; then
	echo "version.sh: $version is no semantic version, such as 1.2.3 or 1.2.3-rc.1" >&2
	exit 1
fi
printf '%s\n' "$version"
