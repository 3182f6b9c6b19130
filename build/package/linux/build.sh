#!/bin/bash
# Builds the two programs as a release has them:
#
#   build.sh FOLDER [ARCHITECTURE [PROGRAM…]]
#
# ARCHITECTURE is amd64 or arm64 (default: this machine's), PROGRAM bitfount-tray
# or bitfount-auth (default: both). The same source, Go and C compiler give the
# same bytes, wherever the source lies.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
source=$(cd "$(dirname "$0")/../../.." && pwd)
folder=$1
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
export GOARCH=${2:-$(go env GOHOSTARCH)} GOOS=linux
shift $(($# > 1 ? 2 : 1))
[ $# -gt 0 ] || set -- bitfount-tray bitfount-auth
cd "$source"

# -trimpath and the tags are those of every other build, so that Fyne's C code
# is compiled once; -buildvcs would make the commit part of the bytes.
case ${GOFLAGS-} in
*-trimpath*) ;;
*) export GOFLAGS="-trimpath -buildvcs=false -tags=no_emoji,migrated_fynedo ${GOFLAGS-}" ;;
esac
version=$(sh build/package/version.sh)
flags="-s -w -buildid= -X main.version=$version -X github.com/bitfount/bitfount-tray/authcore.version=$version"

for program; do
	case $program in
	bitfount-auth)
		CGO_ENABLED=0 go build -ldflags "$flags" -o "$folder/" ./cmd/bitfount-auth
		;;
	bitfount-tray)
		export CGO_ENABLED=1
		compiler=gcc
		if [ "$GOARCH" = arm64 ] && [ "$(go env GOHOSTARCH)" != arm64 ]; then
			compiler=aarch64-linux-gnu-gcc
			export PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig
		fi
		# Bind every function at the start, and make the table of them read-only.
		CC=$compiler go build -ldflags "$flags -extldflags=-Wl,-z,relro,-z,now" -o "$folder/" .
		;;
	*)
		echo "build.sh: no program is called $program" >&2
		exit 2
		;;
	esac
done
