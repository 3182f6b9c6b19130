#!/bin/bash
# Builds Bitfount Tray for macOS, on macOS, for Intel and Apple processors in one:
#
#   build/out/package/bitfount-tray-VERSION-macos.dmg   the application
#
# The command line is in it, as Contents/MacOS/bitfount-auth. The variable VERSION
# overrules the git tag. These sign and notarise; without them the application is
# signed for this computer only, and others have to allow it in System Settings:
#
#   SIGN_IDENTITY      "Developer ID Application: …", in a keychain
#   NOTARY_APPLE_ID, NOTARY_TEAM_ID, NOTARY_PASSWORD    for notarytool
set -euo pipefail
cd "$(dirname "$0")/../../.."
here=$PWD/build/package/macos
[ "$(uname -s)" = Darwin ] || { echo "build.sh: this needs macOS, for Apple's SDK, lipo, codesign and hdiutil" >&2; exit 3; }
version=$(sh build/package/version.sh)
out=$PWD/build/out/package
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
app="$work/image/Bitfount Tray.app"
mkdir -p "$app/Contents/MacOS" "$app/Contents/Resources"

export GOFLAGS="-trimpath -buildvcs=false -tags=no_emoji,migrated_fynedo"
export MACOSX_DEPLOYMENT_TARGET=12.0
flags="-s -w -buildid= -X main.version=$version -X github.com/bitfount/bitfount-tray/authcore.version=$version"
for architecture in amd64 arm64; do
	case $architecture in amd64) apple=x86_64 ;; *) apple=arm64 ;; esac
	export GOARCH=$architecture CGO_ENABLED=1 CGO_CFLAGS="-O2 -arch $apple" CGO_LDFLAGS="-O2 -arch $apple"
	go build -ldflags "$flags" -o "$work/$architecture/" . ./cmd/bitfount-auth
done
unset GOARCH CGO_ENABLED CGO_CFLAGS CGO_LDFLAGS
for program in bitfount-tray bitfount-auth; do
	lipo -create -output "$app/Contents/MacOS/$program" "$work/amd64/$program" "$work/arm64/$program"
done

sed "s/@NUMBERS@/${version%%-*}/" "$here/Info.plist" >"$app/Contents/Info.plist"
plutil -lint "$app/Contents/Info.plist" "$here/entitlements.plist"
CGO_ENABLED=0 go run ./icons/internal/appicons "$work/icons" app 1024
iconset=$work/bitfount-tray.iconset
mkdir "$iconset"
for size in 16 32 128 256 512; do
	double=$((2 * size))
	cp "$work/icons/hicolor/${size}x$size/apps/app.png" "$iconset/icon_${size}x$size.png"
	cp "$work/icons/hicolor/${double}x$double/apps/app.png" "$iconset/icon_${size}x$size@2x.png"
done
iconutil --convert icns --output "$app/Contents/Resources/bitfount-tray.icns" "$iconset"
GOOS=darwin build/package/notices.sh >"$app/Contents/Resources/third-party-notices.txt"
cp LICENSE "$app/Contents/Resources/LICENSE.txt"

# From the inside out, as codesign wants it. "-" signs for this computer only.
timestamp=--timestamp
[ -n "${SIGN_IDENTITY-}" ] || timestamp=--timestamp=none
for part in "$app/Contents/MacOS/bitfount-auth" "$app"; do
	codesign --force --options runtime "$timestamp" --entitlements "$here/entitlements.plist" --sign "${SIGN_IDENTITY:--}" "$part"
done
codesign --verify --strict --deep "$app"
[[ $("$app/Contents/MacOS/bitfount-tray" --version) == *" $version"* ]]

ln -s /Applications "$work/image/Applications"
dmg=$out/bitfount-tray-$version-macos.dmg
hdiutil create -quiet -ov -volname "Bitfount Tray" -srcfolder "$work/image" -format UDZO "$dmg"
if [ -n "${SIGN_IDENTITY-}" ]; then
	codesign --sign "$SIGN_IDENTITY" --timestamp "$dmg"
fi
if [ -n "${SIGN_IDENTITY-}" ] && [ -n "${NOTARY_APPLE_ID-}" ]; then
	xcrun notarytool submit "$dmg" --wait --apple-id "$NOTARY_APPLE_ID" --team-id "$NOTARY_TEAM_ID" --password "$NOTARY_PASSWORD"
	xcrun stapler staple "$dmg"
fi
echo "$dmg"
