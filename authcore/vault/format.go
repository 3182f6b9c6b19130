package vault

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

const (
	magic   = "bitfount-tray vault "
	version = 1
	// maxHeader bounds the header line in bytes, with room for later versions.
	maxHeader = 256
	keySize   = 32
	// nameSize is that of the random part of a key's name, in bytes: two keys
	// of one user never meet in it.
	nameSize = 8
)

// header is the first line of the file, as authenticated.
type header struct {
	line    []byte
	version int
	keyName string
}

func headerLine(version int, keyName string) []byte {
	line := fmt.Sprintf("%s%d %s", magic, version, keyName)
	return fmt.Appendf(nil, "%s %08x\n", line, crc32.ChecksumIEEE([]byte(line)))
}

// parseHeader splits a file. It accepts exactly what headerLine writes.
func parseHeader(file []byte) (h header, sealed []byte, err error) {
	end := bytes.IndexByte(file[:min(len(file), maxHeader)], '\n')
	if end < 0 || !bytes.HasPrefix(file, []byte(magic)) {
		return header{}, nil, errors.New("the header is missing")
	}
	h.line, sealed = file[:end+1], file[end+1:]
	number, rest, _ := strings.Cut(string(file[len(magic):end]), " ")
	h.keyName, _, _ = strings.Cut(rest, " ")
	h.version, err = strconv.Atoi(number)
	if err != nil || h.version < 1 || !validName(h.keyName) || !bytes.Equal(h.line, headerLine(h.version, h.keyName)) {
		return header{}, nil, errors.New("the header is malformed")
	}
	return h, sealed, nil
}

func validName(name string) bool {
	raw, err := hex.DecodeString(name)
	return err == nil && len(raw) == nameSize && strings.ToLower(name) == name
}

func newCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// seal makes a whole file.
func seal(keyName string, aead cipher.AEAD, content []byte) []byte {
	line := headerLine(version, keyName)
	return aead.Seal(bytes.Clone(line), nil, content, line)
}

// open opens a whole file with the key that it names, and remembers that key.
func (v *Vault) open(ctx context.Context, file []byte) ([]byte, error) {
	h, sealed, err := parseHeader(file)
	if err != nil {
		return nil, because(ErrDamaged, err)
	}
	aead, err := v.openingKey(ctx, h.keyName)
	if err != nil {
		return nil, err
	}
	content, err := aead.Open(nil, nil, sealed, h.line)
	if err != nil {
		v.forget(h.keyName)
		return nil, because(ErrDamaged, err)
	}
	if h.version > version {
		return nil, because(ErrNewerVersion, fmt.Errorf("it has format %d, and this program knows %d", h.version, version))
	}
	v.setCurrent(h.keyName)
	return content, nil
}
