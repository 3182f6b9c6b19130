package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bitfount/bitfount-tray/authcore/vault"
)

// Change the content: lock, read again, write. What cannot be opened is set
// aside first, and only then.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	v := vault.New(vault.Options{Dir: filepath.Join(dir, "data"), Keyring: &vault.Memory{}})

	l, err := v.Lock(ctx)
	if err != nil {
		panic(err)
	}
	defer l.Unlock()
	content, err := l.Read(ctx)
	switch {
	case errors.Is(err, vault.ErrNoVault):
		fmt.Println("first use")
	case errors.Is(err, vault.ErrDamaged), errors.Is(err, vault.ErrKeyMissing):
		kept, err := v.SetAside()
		fmt.Println("sign in again; kept as", kept, err)
	case err != nil:
		panic(err)
	}
	if err := l.Write(ctx, append(content, "renewed"...)); err != nil {
		panic(err)
	}
	content, err = l.Read(ctx)
	fmt.Printf("%s %v\n", content, err)
	// Output:
	// first use
	// renewed <nil>
}
