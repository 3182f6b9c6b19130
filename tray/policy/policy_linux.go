package policy

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/bitfount/bitfount-tray/authcore"
)

// Place is where the policy is kept.
const Place = "/etc/bitfount-tray/policy.toml"

func read() (map[string]string, error) { return readFile(Place) }

func readFile(path string) (map[string]string, error) {
	data, err := readTrusted(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	values, err := authcore.ParsePolicy(data)
	if err != nil {
		return nil, fmt.Errorf("%s is not valid TOML: %w", path, err)
	}
	return values, nil
}
