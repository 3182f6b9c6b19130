#!/bin/bash
# Tries the packages in a fresh Debian: install the .deb, sign in, upgrade, remove,
# and go on with the .tar.gz. It needs root, debootstrap and a network; without
# root or debootstrap it says so and ends well. The fresh system is kept as
# build/out/package/SUITE.tar.
#
# The variables SUITE and MIRROR choose another one than Debian's bookworm. It
# must not be older than this machine's system, with whose C library is built.
set -euo pipefail
cd "$(dirname "$0")/../../.."
if [ "$(id -u)" -ne 0 ] || ! command -v debootstrap >/dev/null; then
	echo "package-test: skipped, because it needs root and debootstrap"
	exit 0
fi
out=$PWD/build/out/package
suite=${SUITE:-bookworm}
archive=$out/$suite.tar
mkdir -p "$out"
if [ ! -s "$archive" ]; then
	echo "package-test: making a fresh $suite"
	root=$(mktemp -d /var/tmp/bitfount-debootstrap-XXXXXX)
	trap 'umount -q "$root/proc" "$root/sys" || :; rm -rf --one-file-system "$root"' EXIT
	debootstrap --variant=minbase "$suite" "$root" ${MIRROR:+"$MIRROR"} >"$out/debootstrap.log" 2>&1 || { tail "$out/debootstrap.log" >&2; exit 1; }
	umount -q "$root/proc" "$root/sys" || :
	tar -C "$root" --numeric-owner --one-file-system --exclude='./var/cache/apt/archives/*.deb' -cf "$archive.part" .
	mv "$archive.part" "$archive"
fi
architecture=$(go env GOHOSTARCH)
for version in 0.0.1 0.0.2; do
	VERSION=$version build/package/linux/package.sh >/dev/null
done
name() { echo "$out/bitfount-tray-$1-linux-$architecture"; }
go test -count=1 -v -timeout 15m -run TestThePackageFromInstallingToRemoving ./build/package/linux \
	-args -root "$archive" -old "$(name 0.0.1).deb" -new "$(name 0.0.2).deb" -tarball "$(name 0.0.2).tar.gz"
rm -f "$out"/bitfount-tray-0.0.[12]-linux-*
