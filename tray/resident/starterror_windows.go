package resident

import "golang.org/x/sys/windows"

// ShowStartError tells the user why the program has not started, and returns
// when they have read it. A program with a tray icon has no console here that
// its last words could go to.
func ShowStartError(err error) {
	text, invalid := windows.UTF16PtrFromString("Bitfount Tray could not start.\n\n" + err.Error())
	if invalid != nil { // a zero inside
		return
	}
	_, _ = windows.MessageBox(0, text, windows.StringToUTF16Ptr("Bitfount Tray"), windows.MB_OK|windows.MB_ICONERROR|windows.MB_SETFOREGROUND)
}
