#!/bin/sh
# Makes sure that this machine has what building, testing and showing the
# product needs. It says what is missing and installs that, and only that; with
# nothing missing it ends at once and prints nothing.
#
#   install.sh build     what `go build` needs: a C compiler and headers for OpenGL and X11
#   install.sh desktop   also what the tests and the demo need: a desktop without a screen
#   install.sh package         also what checks the Linux packages
#   install.sh package-arm64   also what builds them for arm64 on amd64
#   install.sh package-test    also what makes a fresh Debian
#   install.sh package-windows        what builds for Windows
#   install.sh package-windows-test   also what runs that here
#
# Exit codes: 0 all is there, 1 an installation failed, 2 wrong use,
# 3 something is missing that this script cannot install here.
set -eu

build='make git gcc libc6-dev pkg-config ca-certificates libgl-dev libegl-dev libx11-dev libxcursor-dev
libxrandr-dev libxinerama-dev libxi-dev libxxf86vm-dev libwayland-dev libxkbcommon-dev'
# libgl1-mesa-dri draws OpenGL in software; the fonts are for the panel's menus.
desktop='xvfb openbox dbus gnome-keyring xfce4-panel xfconf xdotool wmctrl x11-utils x11-xserver-utils
xclip imagemagick libgl1-mesa-dri libgl1 fonts-dejavu-core curl'
packaging='binutils xz-utils desktop-file-utils appstream lintian'
mingw='git ca-certificates gcc-mingw-w64-x86-64-win32 nsis osslsigncode'
arm64='gcc-aarch64-linux-gnu libc6-dev-arm64-cross'

case ${1-} in
build) wanted=$build ;;
desktop) wanted="$build $desktop" ;;
package) wanted="$build $packaging" ;;
package-arm64)
	wanted="$build $packaging $arm64"
	for package in $build; do
		case $package in lib*-dev) [ "$package" = libc6-dev ] || wanted="$wanted $package:arm64" ;; esac
	done
	;;
package-windows) wanted=$mingw ;;
package-windows-test) wanted="$build $desktop $mingw wine wine64 openssl" ;;
package-test) wanted="$build $packaging debootstrap" ;;
*)
	sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac

say() { printf '%s\n' "$*" >&2; }

if ! command -v go >/dev/null; then
	say "Go is missing. Install it from https://go.dev/dl/ and run this again."
	exit 3
fi

if [ "$(uname -s)" != Linux ]; then
	# A C compiler is all that the window needs on macOS and Windows, and the
	# virtual desktop is for Linux: its tests are skipped and say so.
	if ! command -v cc >/dev/null && ! command -v gcc >/dev/null; then
		say "A C compiler is missing: on macOS run xcode-select --install, on Windows install MinGW-w64."
		exit 3
	fi
	exit 0
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
	say "This is no Debian or Ubuntu, so nothing was checked or installed."
	say "Please install what your system calls these Debian packages:"
	say "  $(echo $wanted)"
	say "What is missing will show as a build error or as a skipped test."
	exit 0
fi

missing=''
for package in $wanted; do
	case $(dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null) in
	*'install ok installed'*) ;;
	*) missing="$missing $package" ;;
	esac
done
[ -n "$missing" ] || exit 0

say "Missing on this machine:$missing"
root=''
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		say "They can be installed by an administrator only, and there is no sudo. As root, run:"
		say "  apt-get install --no-install-recommends$missing"
		exit 3
	fi
	root=sudo
	say "Installing them with apt-get through sudo, which may ask for your password."
else
	say "Installing them with apt-get."
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
case $missing in
*:arm64*) $root dpkg --add-architecture arm64 ;;
esac
install() { $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >"$log" 2>&1; }
# The list of packages may be old, or not be there at all in a fresh container.
if ! install; then
	$root apt-get update -q >>"$log" 2>&1 || :
	if ! install; then
		cat "$log" >&2
		say "apt-get could not install them; its words are above."
		exit 1
	fi
fi
say "Installed."
