package export

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/windows"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

func TestTheAccessListNamesTheUserAndTheSystem(t *testing.T) {
	path := filepath.Join(ownFolder(t), "headers")
	for range 2 {
		if err := Write(path, secret.New("x")); err != nil {
			t.Fatal(err)
		}
		descriptor, err := windows.GetNamedSecurityInfo(path, windows.SE_FILE_OBJECT, windows.DACL_SECURITY_INFORMATION)
		if err != nil {
			t.Fatal(err)
		}
		text := descriptor.String()
		if !strings.HasPrefix(text, "D:P") || strings.Count(text, "(") != 2 {
			t.Errorf("the access list is %s", text)
		}
	}
}
