package policy

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/windows/registry"
)

// Place is where the policy is kept. Group Policy writes there.
const Place = `HKEY_LOCAL_MACHINE\Software\Policies\Bitfount\Tray`

func read() (map[string]string, error) {
	return readKey(registry.LOCAL_MACHINE, `Software\Policies\Bitfount\Tray`)
}

func readKey(root registry.Key, path string) (map[string]string, error) {
	key, err := registry.OpenKey(root, path, registry.QUERY_VALUE)
	if errors.Is(err, registry.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer key.Close()
	names, err := key.ReadValueNames(0)
	if err != nil {
		return nil, err
	}
	values := map[string]string{}
	var mistakes []error
	for _, name := range names {
		if name == "" {
			continue // the key's default value
		}
		_, kind, err := key.GetValue(name, nil)
		switch {
		case err != nil:
		case kind == registry.SZ || kind == registry.EXPAND_SZ:
			values[name], _, err = key.GetStringValue(name)
		case kind == registry.DWORD || kind == registry.QWORD:
			var n uint64
			n, _, err = key.GetIntegerValue(name)
			values[name] = strconv.FormatUint(n, 10)
		case kind == registry.MULTI_SZ:
			var list []string
			list, _, err = key.GetStringsValue(name)
			values[name] = strings.Join(list, ",")
		default:
			err = errors.New("it is neither text (REG_SZ, REG_MULTI_SZ) nor a number (REG_DWORD)")
		}
		if err != nil {
			values[name] = ""
			mistakes = append(mistakes, fmt.Errorf("%s: %w", name, err))
		}
	}
	return values, errors.Join(mistakes...)
}
