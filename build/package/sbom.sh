#!/bin/bash
# Writes the software bills of materials (CycloneDX, JSON) of the two programs to
# build/out/package: what they are made of, with versions, sums and licences.
set -euo pipefail
cd "$(dirname "$0")/../.."
tool=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
version=$(sh build/package/version.sh)
out=build/out/package
mkdir -p "$out"
for main in . ./cmd/bitfount-auth; do
	name=bitfount-tray
	[ "$main" = . ] || name=${main##*/}
	go run "$tool" app -json -licenses -noserial -output "$out/$name-$version.cdx.json" -main "$main" . 2>"$out/sbom.log" || { cat "$out/sbom.log" >&2; exit 1; }
	echo "sbom: $out/$name-$version.cdx.json"
done
rm -f "$out/sbom.log"
