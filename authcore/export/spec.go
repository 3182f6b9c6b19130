package export

import (
	"errors"
	"fmt"
	"path/filepath"
)

// FormatSDKToken is the live-file format that is the Bitfount SDK's own token
// file (see TokenFile). It is no format of headers: Render refuses it, and
// Formats does not list it.
const FormatSDKToken Format = "sdk-token"

// Spec is one live file as settings keep it: where, what and whose.
type Spec struct {
	// Path is absolute.
	Path    string  `json:"path"`
	Service Service `json:"service"`
	Format  Format  `json:"format"`
	// Account is the ID of the account; the account that is active when the
	// file is added is written into it, so that switching does not change it.
	Account string `json:"account"`
}

// Validate checks everything but the folder, which Write checks each time.
func (s Spec) Validate() error {
	if s.Account == "" {
		return errors.New("the live file names no account")
	}
	if !filepath.IsAbs(s.Path) {
		return fmt.Errorf("%q is not the whole path of a file", s.Path)
	}
	if _, err := ParseService(string(s.Service)); err != nil {
		return err
	}
	if s.Format == FormatSDKToken {
		return nil
	}
	_, err := ParseFormat(string(s.Format))
	return err
}
