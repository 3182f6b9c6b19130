package vault

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// Names inside the folder.
const (
	fileName    = "vault"
	lockName    = "vault.lock"
	newName     = "vault.new"
	asidePrefix = "vault-unreadable-"
)

// DefaultKeyringTimeout is how long one answer of the keyring is waited for.
// On locked-down company computers reads of 10 to 29 seconds are reported, and
// programs that gave up after 3 seconds lost their sessions by it.
const DefaultKeyringTimeout = 30 * time.Second

// lockPoll is how often a held lock is tried again. Saving takes a few
// milliseconds, so a shorter interval would only burn the processor while
// somebody waits for the keyring's prompt under the lock.
const lockPoll = 25 * time.Millisecond

// maxContent bounds what is read into memory, in bytes. An account's secrets
// are about 10 kB; a larger file was not made by this program.
const maxContent = 16 << 20

// Options say where a vault is and who holds its key.
type Options struct {
	// Dir is the vault's folder, absolute. It is made with mode 0700 when
	// something is first written, and must be a folder of the user's own.
	Dir string
	// Keyring holds the key; nil is the system's.
	Keyring Keyring
	// KeyringTimeout bounds the wait for one answer of the keyring; 0 is
	// DefaultKeyringTimeout. A caller's context can only make it shorter.
	KeyringTimeout time.Duration
}

// Vault is one encrypted file. It is safe for concurrent use, also by several
// processes: see Lock. A program should have one Vault for a folder, since a
// Vault remembers the key after the keyring's first answer and so outlives a
// keyring that is locked later.
type Vault struct {
	dir     string
	keyring Keyring
	timeout time.Duration

	// turn has a value while a goroutine of this process has the lock or waits
	// for another process to release it: the file's lock is asked for again
	// and again, which ten goroutines need not do to each other.
	turn chan struct{}

	mu   sync.Mutex
	call *keyringCall
	// keys are those that the keyring gave, by name. They are kept as ciphers
	// behind pointers, so that printing a Vault shows none.
	keys map[string]cipher.AEAD
	// current is the name of the key that last opened or wrote the file.
	current string
	// fresh is the key for a first file, kept over attempts so that a keyring
	// that fails now and then does not collect keys.
	fresh *freshKey
}

// New describes a vault. It touches neither the disk nor the keyring.
func New(o Options) *Vault {
	v := &Vault{dir: o.Dir, keyring: o.Keyring, timeout: o.KeyringTimeout, keys: map[string]cipher.AEAD{}, turn: make(chan struct{}, 1)}
	if v.keyring == nil {
		v.keyring = System()
	}
	if v.timeout <= 0 {
		v.timeout = DefaultKeyringTimeout
	}
	return v
}

// Path is the file's place, whether it exists or not.
func (v *Vault) Path() string { return filepath.Join(v.dir, fileName) }

// Read returns the content. It waits for no lock: it sees the file before or
// after somebody's save, never in between. A save that broke off when its new
// file was already whole is completed first. The errors are ErrNoVault, those
// of the keyring, ErrKeyMissing, ErrDamaged, ErrNewerVersion, ErrUnreadable, and
// the error of a cancelled ctx.
func (v *Vault) Read(ctx context.Context) ([]byte, error) {
	content, err := v.read(ctx)
	if _, none := os.Lstat(filepath.Join(v.dir, newName)); none != nil || err != nil && !errors.Is(err, ErrNoVault) {
		return content, err
	}
	// Whoever holds the lock is in the middle of a save, or will complete it.
	f := v.lockFile()
	if held, _ := f.TryLock(); !held {
		_ = f.Close()
		return content, err
	}
	defer f.Unlock()
	if !v.complete(ctx) {
		return content, err
	}
	return v.read(ctx)
}

func (v *Vault) read(ctx context.Context) ([]byte, error) {
	if err := checkDir(v.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, because(ErrNoVault, err)
	} else if err != nil {
		return nil, because(ErrUnreadable, err)
	}
	sealed, err := readFile(v.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, because(ErrNoVault, err)
	}
	if err != nil {
		return nil, err
	}
	return v.open(ctx, sealed)
}

// Lock waits until no other process or goroutine holds the lock of this
// folder. Whoever means to change the content takes it first and reads the
// content again under it. The errors are that of ctx, ErrUnwritable and
// ErrDiskFull (the lock is a file of its own, which a first use creates).
//
// A holder may wait for the keyring under the lock, so waiting for the lock can
// take as long as a prompt is open: bound ctx. The system frees the lock of a
// process that ends without Unlock; a save of its that was on the disk already
// is completed by the next holder.
func (v *Vault) Lock(ctx context.Context) (*Lock, error) {
	if err := makeDir(v.dir); err != nil {
		return nil, writeError(err)
	}
	select {
	case v.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the vault to be released: %w", context.Cause(ctx))
	}
	f := v.lockFile()
	_, err := f.TryLockContext(ctx, lockPoll)
	if ctx.Err() != nil {
		_ = f.Unlock()
		<-v.turn
		return nil, fmt.Errorf("waiting for another process to release the vault: %w", context.Cause(ctx))
	}
	if err != nil {
		<-v.turn
		return nil, writeError(err)
	}
	v.complete(ctx)
	return &Lock{vault: v, file: f}, nil
}

func (v *Vault) lockFile() *flock.Flock {
	return flock.New(filepath.Join(v.dir, lockName), flock.SetFlag(os.O_CREATE|os.O_RDONLY|openNoFollow))
}

// complete puts a new file in its place that a killed process has left, and
// reports whether it did. The caller holds the lock, so nobody is writing it,
// and what is in it is newer than what it replaces: every save begins with the
// content before, and ends by taking its new file away. The cipher's tag says
// whether it is whole. A file that cannot be opened is replaced by nothing but
// SetAside and a save.
func (v *Vault) complete(ctx context.Context) bool {
	path := filepath.Join(v.dir, newName)
	sealed, err := readFile(path)
	if err != nil {
		return false // there is none, as a rule
	}
	if _, err := v.read(ctx); err != nil && !errors.Is(err, ErrNoVault) {
		return false
	}
	if _, err := v.open(ctx, sealed); err != nil {
		return false
	}
	return syncFile(path) == nil && replaceFile(path, v.Path()) == nil
}

// SetAside renames a file that cannot be opened to vault-unreadable-<UTC time>
// beside it and returns its new path, so that a new file can be written. It
// deletes nothing. Call it under the Lock, and only for ErrKeyMissing and
// ErrDamaged: the other errors pass by themselves. The errors are ErrNoVault,
// ErrUnwritable and ErrDiskFull.
func (v *Vault) SetAside() (kept string, err error) {
	if err := checkDir(v.dir); errors.Is(err, fs.ErrNotExist) {
		return "", because(ErrNoVault, err)
	} else if err != nil {
		return "", because(ErrUnwritable, err)
	}
	base := filepath.Join(v.dir, asidePrefix+time.Now().UTC().Format("20060102T150405Z"))
	kept = base
	for n := 2; ; n++ {
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return "", because(ErrUnwritable, err)
		}
		kept = fmt.Sprintf("%s-%d", base, n)
	}
	err = replaceFile(v.Path(), kept)
	if errors.Is(err, fs.ErrNotExist) {
		return "", because(ErrNoVault, err)
	}
	if err != nil {
		return "", writeError(err)
	}
	return kept, nil
}

// Lock is the right to change the content, held until Unlock. It is not safe
// for concurrent use: its holder is one goroutine.
type Lock struct {
	vault    *Vault
	file     *flock.Flock
	released sync.Once
}

var errUnlocked = errors.New("the vault's lock was released already")

// Read is Vault.Read: nobody changes the content until Unlock.
func (l *Lock) Read(ctx context.Context) ([]byte, error) { return l.vault.read(ctx) }

// Write replaces the content. When it returns nil, the content is on the disk;
// when it returns an error, or the process dies in it, the file holds the old
// content or the new one, whole.
//
// It replaces only what it can open: a file with an error of Read's other than
// ErrNoVault stays as it is, and Write returns that error. Besides, it returns
// ErrUnwritable and ErrDiskFull, and the keyring's errors when there is no file
// yet and a key must be made.
func (l *Lock) Write(ctx context.Context, content []byte) error {
	if !l.file.Locked() {
		return errUnlocked
	}
	if len(content) > maxContent {
		return fmt.Errorf("the vault holds at most %d bytes, not %d", maxContent, len(content))
	}
	v := l.vault
	if _, err := v.read(ctx); err != nil && !errors.Is(err, ErrNoVault) {
		return err
	}
	name, aead, err := v.sealingKey(ctx)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := makeDir(v.dir); err != nil {
		return writeError(err)
	}
	if err := writeFile(v.dir, seal(name, aead, content)); err != nil {
		return writeError(err)
	}
	v.setCurrent(name)
	return nil
}

// Unlock lets others have the lock. Further calls do nothing.
func (l *Lock) Unlock() error {
	err := l.file.Unlock()
	l.released.Do(func() { <-l.vault.turn })
	return err
}
