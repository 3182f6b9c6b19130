#!/bin/bash
# Writes the software bills of materials (CycloneDX, JSON) of the two programs to
# build/out/package, one for each system: what they are made of, Go's standard
# library too, with versions, sums and licences.
set -euo pipefail
cd "$(dirname "$0")/../.."
tool=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
version=$(sh build/package/version.sh)
out=$PWD/build/out/package
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
GOBIN=$work go install "$tool"
# What is linked depends on the tags and on cgo, as in the packages' builds.
export GOFLAGS="-tags=no_emoji,migrated_fynedo" GOARCH=amd64
for system in linux windows darwin; do
	for main in . ./cmd/bitfount-auth; do
		name=bitfount-tray cgo=1
		[ "$main" = . ] || name=${main##*/} cgo=0
		[ $system != darwin ] || cgo=1
		file=$out/$name-$version-$system.cdx.json
		GOOS=$system CGO_ENABLED=$cgo "$work/cyclonedx-gomod" app -json -licenses -noserial -std -output "$file" -main "$main" . 2>"$work/log" ||
			{ cat "$work/log" >&2; exit 1; }
		echo "sbom: ${file#"$PWD"/}"
	done
done
