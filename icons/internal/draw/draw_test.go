package draw

import (
	"encoding/binary"
	"image"
	"image/color"
	"testing"
)

func TestICOHoldsEverySizeWhereItsDirectorySays(t *testing.T) {
	var images []*image.NRGBA
	for _, size := range icoSizes {
		img := image.NewNRGBA(image.Rect(0, 0, size, size))
		img.SetNRGBA(0, size-1, color.NRGBA{R: 1, G: 2, B: 3, A: 4}) // bottom left comes first
		images = append(images, img)
	}
	ico := ICO(images...)
	le := binary.LittleEndian
	if le.Uint16(ico[2:]) != 1 || int(le.Uint16(ico[4:])) != len(icoSizes) {
		t.Fatalf("header is % x", ico[:6])
	}
	end := 6 + 16*len(icoSizes)
	for i, size := range icoSizes {
		entry := ico[6+16*i:]
		length, offset := int(le.Uint32(entry[8:])), int(le.Uint32(entry[12:]))
		if int(entry[0]) != size || int(entry[1]) != size || offset != end {
			t.Errorf("entry %d: %d×%d at %d, want %d at %d", i, entry[0], entry[1], offset, size, end)
		}
		end = offset + length
		body := ico[offset:end]
		if int(le.Uint32(body[4:])) != size || int(le.Uint32(body[8:])) != 2*size {
			t.Errorf("entry %d: bitmap of %d×%d", i, le.Uint32(body[4:]), le.Uint32(body[8:]))
		}
		if got := [4]byte(body[40:]); got != [4]byte{3, 2, 1, 4} {
			t.Errorf("entry %d: first pixel is % x, want B G R A of the bottom left", i, got)
		}
	}
	if end != len(ico) {
		t.Errorf("the file ends at %d, its last image at %d", len(ico), end)
	}
}

func TestRenderRefusesWhatIsNoSVG(t *testing.T) {
	if _, err := Render([]byte("<svg><path"), 16); err == nil {
		t.Error("no error")
	}
}
