// Package macos holds what makes the application for macOS, and the tests of it
// that need no macOS.
package macos

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// readPlist reads a property list (plist(5), XML) as `plutil -lint` would: keys
// and values take turns in a dict, no key comes twice, and a value has a type.
func readPlist(path string) (map[string]any, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := xml.NewDecoder(f)
	next := func() (xml.Token, error) {
		for {
			token, err := d.Token()
			if err != nil {
				return nil, err
			}
			switch token := token.(type) {
			case xml.CharData:
				if text := strings.TrimSpace(string(token)); text != "" {
					return nil, fmt.Errorf("%q stands between elements", text)
				}
			case xml.StartElement, xml.EndElement:
				return token, nil
			}
		}
	}
	start := func(name string) error {
		token, err := next()
		if err != nil {
			return err
		}
		if s, ok := token.(xml.StartElement); !ok || s.Name.Local != name {
			return fmt.Errorf("%v is there, and not <%s>", token, name)
		}
		return nil
	}
	if err := errors.Join(start("plist"), start("dict")); err != nil {
		return nil, err
	}
	values := map[string]any{}
	for {
		token, err := next()
		if err != nil {
			return nil, err
		}
		key, ok := token.(xml.StartElement)
		if !ok {
			break // </dict>
		}
		var name, text string
		if key.Name.Local != "key" {
			return nil, fmt.Errorf("<%s> is there, and not <key>", key.Name.Local)
		}
		if err := d.DecodeElement(&name, &key); err != nil {
			return nil, err
		}
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		token, err = next()
		if err != nil {
			return nil, err
		}
		value, ok := token.(xml.StartElement)
		if !ok {
			return nil, fmt.Errorf("%s has no value", name)
		}
		if err := d.DecodeElement(&text, &value); err != nil {
			return nil, err
		}
		switch value.Name.Local {
		case "true", "false":
			values[name] = value.Name.Local == "true"
		case "string":
			values[name] = text
		default:
			return nil, fmt.Errorf("%s is a <%s>, which nothing here needs", name, value.Name.Local)
		}
	}
	if token, err := next(); err != nil || token.(xml.EndElement).Name.Local != "plist" {
		return nil, fmt.Errorf("%v follows the dict (%v)", token, err)
	}
	if _, err := next(); err != io.EOF {
		return nil, fmt.Errorf("something follows the property list (%v)", err)
	}
	return values, nil
}

func TestTheHardenedRuntimeIsNotLoosened(t *testing.T) {
	entitlements, err := readPlist("entitlements.plist")
	if err != nil {
		t.Fatal(err)
	}
	if len(entitlements) > 0 {
		t.Errorf("each of these needs a reason, in docs/security.md too: %v", entitlements)
	}
}

func TestBadPropertyListsAreSeen(t *testing.T) {
	for name, text := range map[string]string{
		"no XML":       "<plist><dict>",
		"a key twice":  "<plist><dict><key>a</key><true/><key>a</key><true/></dict></plist>",
		"no value":     "<plist><dict><key>a</key></dict></plist>",
		"no key":       "<plist><dict><true/></dict></plist>",
		"loose text":   "<plist><dict>x</dict></plist>",
		"two lists":    "<plist><dict></dict></plist><plist></plist>",
		"unknown type": "<plist><dict><key>a</key><text>b</text></dict></plist>",
		"another root": "<dict><key>a</key><true/></dict>",
	} {
		path := filepath.Join(t.TempDir(), "x.plist")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if values, err := readPlist(path); err == nil {
			t.Errorf("%s: %v", name, values)
		}
	}
}

// What only macOS has. lipo, codesign and the like write down how they were
// called; hdiutil keeps the folder that it is to pack; go builds a script that
// says the version, because Apple's SDK is not here, and does all else itself.
var fakes = map[string]string{
	"uname":    `echo Darwin`,
	"lipo":     `[ "$1 $2" = "-create -output" ] && cat "$4" "$5" >"$3" && chmod 755 "$3"`,
	"plutil":   `exit 0`,
	"codesign": `exit 0`,
	"iconutil": `shift 3; ls "$2" | sed 's/^/icon /' >>"$FAKES/log"; : >"$1"`,
	"hdiutil":  `while [ "$1" != -srcfolder ]; do shift; done; cp -a "$2" "$FAKES/image"; : >"$5"`,
	"go": `case " $* " in
*" build "*)
	for last; do [ "$last" = -o ] && want=1 || { [ "${want-}" = 1 ] && out=$last; want=; }; done
	mkdir -p "$out"
	for program in bitfount-tray bitfount-auth; do
		printf '#!/bin/sh\n# %s\necho "Bitfount Tray $VERSION"\n' "$GOARCH" >"$out/$program"
		chmod 755 "$out/$program"
	done ;;
*) exec "$REAL_GO" "$@" ;;
esac`,
}

// The whole of build.sh but Apple's tools, for which the fakes above stand in:
// what lies in the bundle, with which version, and what is signed in which order.
func TestTheBundleIsLaidOut(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it writes into build/out as a build on macOS does")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	ok(t, os.Mkdir(bin, 0o755))
	for name, text := range fakes {
		text = "#!/bin/sh\n[ " + name + " = go ] || echo " + name + ` "$@" >>"$FAKES/log"` + "\n" + text + "\n"
		ok(t, os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755))
	}
	real, err := exec.LookPath("go")
	ok(t, err)
	const version = "1.2.3-test.1"
	cmd := exec.Command("bash", "build.sh")
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "FAKES="+dir, "REAL_GO="+real, "VERSION="+version, "SIGN_IDENTITY=", "NOTARY_APPLE_ID=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("build.sh: %v\n%s", err, out)
	}
	lines := strings.Fields(string(out))
	dmg := lines[len(lines)-1]
	defer os.Remove(dmg)
	if filepath.Base(dmg) != "bitfount-tray-"+version+"-macos.dmg" {
		t.Errorf("it is called %s", dmg)
	}
	app := filepath.Join(dir, "image", "Bitfount Tray.app", "Contents")
	for _, name := range []string{"Info.plist", "MacOS/bitfount-tray", "MacOS/bitfount-auth", "Resources/bitfount-tray.icns", "Resources/LICENSE.txt", "Resources/third-party-notices.txt"} {
		if _, err := os.Stat(filepath.Join(app, name)); err != nil {
			t.Error(err)
		}
	}
	if to, err := os.Readlink(filepath.Join(dir, "image", "Applications")); err != nil || to != "/Applications" {
		t.Errorf("the folder to drag the application to leads to %s (%v)", to, err)
	}
	for _, program := range []string{"bitfount-tray", "bitfount-auth"} {
		text, err := os.ReadFile(filepath.Join(app, "MacOS", program))
		ok(t, err)
		if !strings.Contains(string(text), "# amd64") || !strings.Contains(string(text), "# arm64") {
			t.Errorf("%s is not for both processors", program)
		}
	}

	info, err := readPlist(filepath.Join(app, "Info.plist"))
	ok(t, err)
	for key, want := range map[string]any{
		"CFBundleIdentifier": "com.bitfount.tray", "CFBundleExecutable": "bitfount-tray", "CFBundleIconFile": "bitfount-tray",
		"CFBundlePackageType": "APPL", "CFBundleShortVersionString": "1.2.3", "CFBundleVersion": "1.2.3", "LSUIElement": true,
	} {
		if info[key] != want {
			t.Errorf("%s is %v, want %v", key, info[key], want)
		}
	}
	script, err := os.ReadFile("build.sh")
	ok(t, err)
	if !strings.Contains(string(script), fmt.Sprintf("MACOSX_DEPLOYMENT_TARGET=%s\n", info["LSMinimumSystemVersion"])) {
		t.Errorf("it is built for another macOS than %s", info["LSMinimumSystemVersion"])
	}

	text, err := os.ReadFile(filepath.Join(dir, "log"))
	ok(t, err)
	log := strings.Split(string(text), "\n")
	var signed, icons []string
	for _, line := range log {
		switch {
		case strings.HasPrefix(line, "codesign --force"):
			if !strings.Contains(line, "--options runtime") || !strings.Contains(line, "--entitlements") {
				t.Errorf("not hardened: %s", line)
			}
			signed = append(signed, filepath.Base(line))
		case strings.HasPrefix(line, "icon "):
			icons = append(icons, strings.TrimPrefix(line, "icon "))
		}
	}
	if want := []string{"bitfount-auth", "Bitfount Tray.app"}; !slices.Equal(signed, want) {
		t.Errorf("signed are %v, want %v", signed, want)
	}
	if len(icons) != 10 {
		t.Errorf("the icon has %d sizes, want Apple's ten: %v", len(icons), icons)
	}
	if !slices.ContainsFunc(log, func(l string) bool { return strings.HasPrefix(l, "codesign --verify --strict") }) {
		t.Error("the signature is not verified")
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
