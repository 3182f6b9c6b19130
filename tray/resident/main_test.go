package resident

import (
	"os"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	// The tests read English, whatever their reader does.
	os.Setenv("LC_ALL", "C")
	os.Setenv("LANGUAGE", "")
	os.Exit(m.Run())
}

// waitUntil waits for something that another goroutine or process brings about.
func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); {
		if time.Now().After(end) {
			t.Fatal("it never came about")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
