package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// mostAbove is how much larger than the smallest Fyne program the product may
// be.
const mostAbove = 6.0 // MB

func (b *bench) sizes() error {
	const group = "size of the program"
	product, err := size(b.programs.Product)
	if err != nil {
		return err
	}
	small, err := size(b.program(floorWindow))
	if err != nil {
		return err
	}
	auth, err := size(b.program("bitfount-auth"))
	if err != nil {
		return err
	}
	above := product - small
	b.report.add(
		row{group: group, name: "bitfount-tray", value: product, unit: "MB", product: true, met: verdict(above <= mostAbove),
			note: fmt.Sprintf("%.1f MB above the smallest; goal: at most %.0f MB", above, mostAbove)},
		row{group: group, name: "smallest Fyne window, same flags", value: small, unit: "MB", floor: true},
		row{group: group, name: "bitfount-auth", value: auth, unit: "MB", note: "static, without Fyne"},
	)
	const packed = "size to download (xz)"
	for _, p := range []struct {
		name, path     string
		product, floor bool
	}{{"bitfount-tray", b.programs.Product, true, false}, {"smallest Fyne window, same flags", b.program(floorWindow), false, true}} {
		out, err := exec.CommandContext(b.ctx, "xz", "-6", "--stdout", p.path).Output()
		if err != nil {
			return err
		}
		b.report.add(row{group: packed, name: p.name, value: megabytes(int64(len(out))), unit: "MB", product: p.product, floor: p.floor})
	}
	return b.packageSizes()
}

func size(path string) (float64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return megabytes(info.Size()), nil
}

// isPackage is the name of what users download.
var isPackage = regexp.MustCompile(`^bitfount-tray-.*\.(deb|rpm|tar\.gz|AppImage|dmg)$|-setup\.exe$`)

// packageSizes tells of the packages that were built, such as by make package.
func (b *bench) packageSizes() error {
	return filepath.WalkDir(b.packages, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isPackage.MatchString(entry.Name()) {
			return nil
		}
		megabytes, err := size(path)
		if err == nil {
			b.report.add(row{group: "packages (both programs)", name: entry.Name(), value: megabytes, unit: "MB", noRatio: true})
		}
		return err
	})
}
