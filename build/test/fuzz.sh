#!/bin/sh
# Runs one fuzz target for a while and prints one line, or everything if it fails.
# It takes one processor, so that several can run side by side.
#
#   fuzz.sh TIME FOLDER TARGET
set -eu
cd "$2"
if said=$(CGO_ENABLED=0 go test -run '^$' -parallel 1 -fuzz "^$3\$" -fuzztime "$1" . 2>&1); then
	printf '%s %s: %s\n' "$2" "$3" "$(printf '%s\n' "$said" | tail -n 1)"
else
	printf '%s %s:\n%s\n' "$2" "$3" "$said"
	exit 1
fi
