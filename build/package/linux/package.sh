#!/bin/bash
# Makes the Linux packages of this source in build/out/package: a .deb, a .rpm
# and a .tar.gz, and checks what can be checked of them.
#
#   package.sh [amd64|arm64]
#
# The variable VERSION overrules the git tag. The bytes depend on the source, Go
# and the C compiler alone: every time is that of the commit, or of
# SOURCE_DATE_EPOCH (seconds since 1970) if that is set.
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=$PWD/build/package/linux
host=$(go env GOHOSTARCH)
export ARCH=${1:-$host}
case $ARCH in amd64 | arm64) ;; *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac
# 2.48.0 does not compile. It is run as a tool, so that the product's go.mod
# never sees it; the product's GOFLAGS are not for it.
nfpm=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4

VERSION=$(sh build/package/version.sh)
export VERSION
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
out=$PWD/build/out/package
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
share=$tree/usr/share
doc=$share/doc/bitfount-tray

name=bitfount-tray-$VERSION-linux-$ARCH

echo "package: building $VERSION for $ARCH"
"$here/build.sh" "$tree/usr/bin" "$ARCH"
# What prints the completions has to run here.
"$here/build.sh" "$work" "$host" bitfount-auth
"$work/bitfount-auth" --version | grep -qxF "bitfount-auth $VERSION"

date=$(date -d "@$SOURCE_DATE_EPOCH" +%F)
type=stable
case $VERSION in *-*) type=development ;; esac
fill() { sed -e "s/@VERSION@/${VERSION/-/\~}/" -e "s/@DATE@/$date/" -e "s/@TYPE@/$type/" "$here/$1"; }

install -d "$share"/{applications,metainfo,man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d} "$doc"
install -m 644 "$here/com.bitfount.tray.desktop" "$share/applications/"
fill com.bitfount.tray.metainfo.xml >"$share/metainfo/com.bitfount.tray.metainfo.xml"
CGO_ENABLED=0 go run ./icons/internal/appicons "$share/icons" com.bitfount.tray
fill bitfount-tray.1 >"$share/man/man1/bitfount-tray.1"
CGO_ENABLED=0 go run -tags man -ldflags "-X main.version=$VERSION" ./cmd/bitfount-auth man "$share/man/man1"
"$work/bitfount-auth" completion bash >"$share/bash-completion/completions/bitfount-auth"
"$work/bitfount-auth" completion zsh >"$share/zsh/site-functions/_bitfount-auth"
"$work/bitfount-auth" completion fish >"$share/fish/vendor_completions.d/bitfount-auth.fish"
install -m 644 "$here/completions/bitfount-tray.bash" "$share/bash-completion/completions/bitfount-tray"
install -m 644 "$here/completions/bitfount-tray.zsh" "$share/zsh/site-functions/_bitfount-tray"
install -m 644 "$here/completions/bitfount-tray.fish" "$share/fish/vendor_completions.d/"
GOOS=linux GOARCH=$ARCH build/package/notices.sh >"$doc/third-party-notices"

# The tarball: unpacked into / or ~/.local it is complete.
cp -a "$tree/usr" "$work/$name"
install -m 644 README.md LICENSE CHANGELOG.md "$work/$name/share/doc/bitfount-tray/"
tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --format=gnu \
	-c "$name" | gzip -9n >"$out/$name.tar.gz"

# What both package formats want: manual pages and large texts compressed.
cp CHANGELOG.md "$doc/changelog"
gzip -9n "$share"/man/man1/*.1 "$doc"/*
cp -a "$tree" "$work/rpm"
install -m 644 LICENSE "$work/rpm/usr/share/doc/bitfount-tray/"
cp -a "$tree" "$work/deb"
deb=$work/deb/usr/share
mv "$deb/zsh/site-functions" "$deb/zsh/vendor-completions"
install -m 644 "$here/copyright" "$deb/doc/bitfount-tray/copyright"
install -D -m 644 "$here/lintian-overrides" "$deb/lintian/overrides/bitfount-tray"
cat >"$work/changelog.Debian" <<END
bitfount-tray (${VERSION/-/\~}-1) stable; urgency=medium

  * What is new for users is in changelog.gz.

 -- Bitfount <support@bitfount.com>  $(date -R -d "@$SOURCE_DATE_EPOCH")
END
gzip -9n <"$work/changelog.Debian" >"$deb/doc/bitfount-tray/changelog.Debian.gz"
find "$work/deb" "$work/rpm" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

# The newest version of the C library's symbols that the program asks for.
GLIBC=$(readelf --dyn-syms -W "$tree/usr/bin/bitfount-tray" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
export GLIBC=${GLIBC#GLIBC_}
cp "$here/nfpm.yaml" "$work/rpm.yaml"
sed '/^license:/d' "$here/nfpm.yaml" >"$work/deb.yaml"
for format in deb rpm; do
	(cd "$work" && GOFLAGS='' go run "$nfpm" package --config $format.yaml --packager $format --target "$out/$name.$format" >/dev/null)
done

check() {
	command -v "$1" >/dev/null || { echo "package: not checked by $1, which is not installed"; return 0; }
	"$@" >"$work/check" 2>&1 || { cat "$work/check" >&2; echo "package: $1 finds faults in the package" >&2; exit 1; }
}
check desktop-file-validate "$share/applications/com.bitfount.tray.desktop"
check appstreamcli validate --no-net "$share/metainfo/com.bitfount.tray.metainfo.xml"
check lintian --allow-root --fail-on error,warning "$out/$name.deb"
(cd "$out" && sha256sum "$name".{deb,rpm,tar.gz})
