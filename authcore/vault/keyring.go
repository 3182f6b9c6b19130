package vault

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/zalando/go-keyring"
)

// Service is the name under which every key stands in the keyring. The user
// name of an entry is KeyPrefix and the key's own name.
const (
	Service   = "bitfount-tray"
	KeyPrefix = "vault-key-"
)

// ErrNotFound is what a Keyring returns for an entry that it does not have. It
// is go-keyring's own.
var ErrNotFound = keyring.ErrNotFound

// Keyring is where a key is kept: go-keyring's face. The calls may block for as
// long as a prompt stays open; a Vault has one call open at a time. Get returns
// ErrNotFound only if the keyring works and has no such entry.
type Keyring interface {
	Get(service, user string) (string, error)
	Set(service, user, secret string) error
	Delete(service, user string) error
}

// System is the keyring of the user's login: Secret Service on Linux, Keychain
// on macOS, Credential Manager on Windows. It starts nothing: a Linux login
// without a session bus gets ErrNoSessionBus.
func System() Keyring { return systemKeyring{} }

type systemKeyring struct{}

func (systemKeyring) Get(service, user string) (string, error) {
	if err := reachable(); err != nil {
		return "", err
	}
	return get(service, user)
}

func (systemKeyring) Set(service, user, secret string) error {
	if err := reachable(); err != nil {
		return err
	}
	return keyring.Set(service, user, secret)
}

func (systemKeyring) Delete(service, user string) error {
	if err := reachable(); err != nil {
		return err
	}
	return keyring.Delete(service, user)
}

// Memory is a keyring that lives as long as the process: for servers without a
// keyring, whose vault then cannot be opened after a restart, and for tests.
// The zero value is empty and ready; it is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	entries map[[2]string]string
}

// Get returns an entry, or ErrNotFound.
func (m *Memory) Get(service, user string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	secret, ok := m.entries[[2]string{service, user}]
	if !ok {
		return "", ErrNotFound
	}
	return secret, nil
}

// Set makes or replaces an entry. It never fails.
func (m *Memory) Set(service, user, secret string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries == nil {
		m.entries = map[[2]string]string{}
	}
	m.entries[[2]string{service, user}] = secret
	return nil
}

// Delete removes an entry, or returns ErrNotFound.
func (m *Memory) Delete(service, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.entries[[2]string{service, user}]; !ok {
		return ErrNotFound
	}
	delete(m.entries, [2]string{service, user})
	return nil
}

// freshKey is a key that no file names yet.
type freshKey struct {
	name, encoded string
}

func newFreshKey() *freshKey {
	name, key := make([]byte, nameSize), make([]byte, keySize)
	// crypto/rand.Read never returns an error; it ends the program instead.
	_, _ = rand.Read(name)
	_, _ = rand.Read(key)
	return &freshKey{hex.EncodeToString(name), base64.StdEncoding.EncodeToString(key)}
}

// keyringCall is one question to the keyring, in a goroutine of its own because
// go-keyring knows no time limits.
type keyringCall struct {
	keyName string
	done    chan struct{}
	// Set before done is closed.
	aead cipher.AEAD
	err  error
}

// openingKey finds the key that a file names.
func (v *Vault) openingKey(ctx context.Context, name string) (cipher.AEAD, error) {
	aead, err := v.ask(ctx, name, func() (string, error) { return v.keyring.Get(Service, KeyPrefix+name) })
	if errors.Is(err, ErrNotFound) {
		return nil, because(ErrKeyMissing, err)
	}
	return aead, err
}

// sealingKey finds the key for the next file: that of the file before, else one
// that is made now.
func (v *Vault) sealingKey(ctx context.Context) (string, cipher.AEAD, error) {
	v.mu.Lock()
	if aead, ok := v.keys[v.current]; ok {
		defer v.mu.Unlock()
		return v.current, aead, nil
	}
	if v.fresh == nil {
		v.fresh = newFreshKey()
	}
	fresh := v.fresh
	v.mu.Unlock()
	aead, err := v.ask(ctx, fresh.name, func() (string, error) { return v.store(fresh) })
	return fresh.name, aead, err
}

// store puts a new key into the keyring and makes sure that it is there. It can
// be repeated: a key that arrived in an attempt before is not written again.
func (v *Vault) store(fresh *freshKey) (string, error) {
	user := KeyPrefix + fresh.name
	stored, err := v.keyring.Get(Service, user)
	if errors.Is(err, ErrNotFound) {
		if err := v.keyring.Set(Service, user, fresh.encoded); err != nil {
			return "", err
		}
		// macOS can report a failed Set as done, so only reading it back counts.
		stored, err = v.keyring.Get(Service, user)
		if errors.Is(err, ErrNotFound) {
			return "", because(ErrKeyringAbsent, errors.New("it did not keep the key that it was given"))
		}
	}
	if err != nil {
		return "", err
	}
	if stored != fresh.encoded {
		return "", because(ErrKeyringAbsent, errors.New("it gave back another key than it was given"))
	}
	return stored, nil
}

// ask returns the named key: the remembered one, or the answer of the keyring to
// question. A question that is still open is waited for, not repeated, since
// each repetition could open one more prompt; an answer that nobody waited for
// any more is remembered for the next caller.
func (v *Vault) ask(ctx context.Context, keyName string, question func() (string, error)) (cipher.AEAD, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	wait, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	for {
		v.mu.Lock()
		if aead, ok := v.keys[keyName]; ok {
			v.mu.Unlock()
			return aead, nil
		}
		call := v.call
		if call == nil {
			call = &keyringCall{keyName: keyName, done: make(chan struct{})}
			v.call = call
			go v.run(call, question)
		}
		v.mu.Unlock()

		select {
		case <-call.done:
			if call.keyName == keyName {
				return call.aead, call.err
			}
		case <-wait.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, context.Cause(ctx)
			}
			return nil, because(ErrKeyringSlow, wait.Err())
		}
	}
}

// CheckKeyring asks the keyring, past what is remembered of it, whether the file
// could be opened after a restart. holds is true if the keyring has the file's
// key, and false without an error if it answers and there is no file yet. A key
// that is gone (ErrKeyMissing) is forgotten, so that the next Write, after a
// SetAside, makes another. Besides, the errors are those of Read.
func (v *Vault) CheckKeyring(ctx context.Context) (holds bool, err error) {
	var h header
	var sealed []byte
	name := "none"
	file, err := readFile(v.Path())
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, err
	default:
		if h, sealed, err = parseHeader(file); err != nil {
			return false, because(ErrDamaged, err)
		}
		name, holds = h.keyName, true
	}
	wait, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	for {
		v.mu.Lock()
		call := v.call
		ours := call == nil
		if ours {
			call = &keyringCall{keyName: name, done: make(chan struct{})}
			v.call = call
			go v.run(call, func() (string, error) { return v.keyring.Get(Service, KeyPrefix+name) })
		}
		v.mu.Unlock()
		select {
		case <-call.done:
		case <-wait.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return false, context.Cause(ctx)
			}
			return false, because(ErrKeyringSlow, wait.Err())
		}
		if !ours {
			continue // that was somebody else's question
		}
		err := call.err
		if err == nil && holds {
			_, err = call.aead.Open(nil, nil, sealed, h.line)
		}
		known := call.err == nil || errors.Is(call.err, ErrNotFound) || errors.Is(call.err, ErrKeyMissing)
		switch {
		case err == nil:
			return holds, nil
		case !known:
			return false, err
		case !holds:
			return false, nil
		}
		v.mu.Lock()
		delete(v.keys, name)
		if v.current == name {
			v.current = ""
		}
		v.mu.Unlock()
		return false, because(ErrKeyMissing, err)
	}
}

// run carries out one question and leaves its answer.
func (v *Vault) run(call *keyringCall, question func() (string, error)) {
	encoded, err := guarded(question)
	var aead cipher.AEAD
	if err != nil {
		err = keyringError(err)
	} else {
		aead, err = decodeKey(encoded)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil {
		v.keys[call.keyName] = aead
	}
	call.aead, call.err = aead, err
	v.call = nil
	close(call.done)
}

// guarded turns a panic into an error. go-keyring panics when the bus goes away
// while a prompt is open and when a Secret Service answers with another type
// than the specification's; neither may end the process that holds the session.
func guarded(question func() (string, error)) (answer string, err error) {
	defer func() {
		if p := recover(); p != nil {
			answer, err = "", because(ErrKeyringAbsent, fmt.Errorf("it broke off its answer: %v", p))
		}
	}()
	return question()
}

// decodeKey reads an entry of the keyring. One that is no key counts as a
// missing key: somebody else wrote it.
func decodeKey(encoded string) (cipher.AEAD, error) {
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != keySize {
		return nil, because(ErrKeyMissing, errors.New("the entry of its name in the keyring is no key"))
	}
	return newCipher(key)
}

// keyringError sorts a keyring's error. One that is none of the known kinds
// counts as ErrKeyringAbsent: it cannot be used, and the cause says why.
func keyringError(err error) error {
	for _, known := range []error{ErrNotFound, ErrKeyringAbsent, ErrKeyringLocked, ErrKeyringSlow, ErrKeyMissing} {
		if errors.Is(err, known) {
			return err
		}
	}
	return because(platformKeyringError(err), err)
}

// setCurrent notes which key opened or wrote the file.
func (v *Vault) setCurrent(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current = name
}

// forget drops a key that did not open its file, so that the keyring is asked
// again, unless the key is known to be right and the file must be wrong.
func (v *Vault) forget(name string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if name != v.current {
		delete(v.keys, name)
	}
}
