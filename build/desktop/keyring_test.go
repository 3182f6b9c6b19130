package desktop

import (
	"os"
	"testing"
)

func TestBusAndKeyringLeaveNothingBehind(t *testing.T) {
	var k *SecretService
	t.Run("inner", func(t *testing.T) {
		bus := Bus(t)
		k = Keyring(t, bus, KeyringLocked)
		if err := k.IgnorePrompts(t.Context()); err != nil {
			t.Fatal(err)
		}
		// A suspended one must not outlive the test either.
		if err := k.Suspend(); err != nil {
			t.Fatal(err)
		}
		if len(bus.Address()) > len("unix:path=")+107 {
			t.Errorf("%s is too long for a socket", bus.Address())
		}
	})
	if k == nil {
		t.Skip("the inner test was skipped")
	}
	for _, p := range k.bus.d.started {
		if p.alive() == nil {
			t.Errorf("%s still runs", p.name)
		}
	}
	if _, err := os.Stat(k.bus.d.dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}
