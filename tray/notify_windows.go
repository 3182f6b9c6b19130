package tray

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf16"
	"unsafe"

	"golang.org/x/sys/windows"
)

var (
	user32           = windows.NewLazySystemDLL("user32.dll")
	findWindowEx     = user32.NewProc("FindWindowExW")
	shellNotifyIcon  = windows.NewLazySystemDLL("shell32.dll").NewProc("Shell_NotifyIconW")
	errNoTrayWindow  = errors.New("the tray icon is not there")
	trayWindowClass  = windows.StringToUTF16Ptr("SystrayClass")
	trayIconID       = uint32(100)
	notifyIconModify = uintptr(1)       // NIM_MODIFY
	notifyIconInfo   = uint32(0x10)     // NIF_INFO
	notifyIconNoise  = uint32(1 | 0x80) // NIIF_INFO, NIIF_RESPECT_QUIET_TIME
)

// notifyIconData is NOTIFYICONDATAW of Windows Vista and later.
type notifyIconData struct {
	Size                       uint32
	Window                     windows.Handle
	ID, Flags, CallbackMessage uint32
	Icon                       windows.Handle
	Tip                        [128]uint16
	State, StateMask           uint32
	Info                       [256]uint16
	Version                    uint32
	InfoTitle                  [64]uint16
	InfoFlags                  uint32
	GUID                       windows.GUID
	BalloonIcon                windows.Handle
}

// Notify shows a notification at the tray icon. systray has no function for it,
// so this one speaks to the icon that systray made, which it finds by its window
// class and identity (systray v1.12). It must not carry a secret. An error means
// that none was shown; whatever a notification says is in the menu too.
func Notify(_ context.Context, title, body string) error {
	window, err := trayWindow()
	if err != nil {
		return err
	}
	data := notifyIconData{Window: window, ID: trayIconID, Flags: notifyIconInfo, InfoFlags: notifyIconNoise}
	data.Size = uint32(unsafe.Sizeof(data))
	if len(utf16.Encode([]rune(title))) >= len(data.InfoTitle) {
		body, title = title+" "+body, "Bitfount Tray" // rather than half a sentence
	}
	putText(data.InfoTitle[:], title)
	putText(data.Info[:], body)
	if ok, _, err := shellNotifyIcon.Call(notifyIconModify, uintptr(unsafe.Pointer(&data))); ok == 0 {
		return fmt.Errorf("showing a notification: %w", err)
	}
	return nil
}

// trayWindow finds the hidden window of this process's icon.
func trayWindow() (windows.Handle, error) {
	var window uintptr
	for {
		window, _, _ = findWindowEx.Call(0, window, uintptr(unsafe.Pointer(trayWindowClass)), 0)
		if window == 0 {
			return 0, errNoTrayWindow
		}
		var process uint32
		if _, err := windows.GetWindowThreadProcessId(windows.HWND(window), &process); err == nil && process == windows.GetCurrentProcessId() {
			return windows.Handle(window), nil
		}
	}
}

// putText fills a field with as much of the text as fits, always ended by zero.
// What does not fit is replaced by an ellipsis.
func putText(field []uint16, text string) {
	encoded, err := windows.UTF16FromString(text)
	if err != nil { // a zero inside
		return
	}
	if len(encoded) > len(field) {
		encoded = append(encoded[:len(field)-2], '…', 0)
	}
	copy(field, encoded)
}
