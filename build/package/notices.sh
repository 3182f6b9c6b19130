#!/bin/bash
# Prints the licence texts of Go and of every module that is linked into the
# two programs: their licences ask that copies of them go along.
#
#   GOOS=… GOARCH=… notices.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
echo "Bitfount Tray contains the following works of others."
print() {
	local found=0 file
	for file in "$2"/*; do
		case ${file##*/} in
		[Ll][Ii][Cc][Ee][Nn][CcSs][Ee]* | COPYING* | NOTICE* | PATENTS*)
			[ -f "$file" ] || continue
			found=1
			printf '\n%s\n%s: %s\n\n' "------------------------------------------------------------------------" "$1" "${file##*/}"
			tr -d '\r' <"$file"
			;;
		esac
	done
	[ $found = 1 ] || { echo "notices.sh: $1 has no licence file" >&2; return 1; }
}
print "The Go programming language" "$(go env GOROOT)"
# cgo stays on: without it, the packages that draw would not be listed.
CGO_ENABLED=1 go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}	{{.Dir}}{{end}}{{end}}' . ./cmd/bitfount-auth |
	LC_ALL=C sort -u | while IFS=$'\t' read -r module folder; do
	print "$module" "$folder"
done
