package authcore

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// Settings are what the user and the administrator have chosen. They hold no
// secret; a proxy's password belongs into the system's own settings.
type Settings struct {
	// ClipboardSeconds is how long copied headers stay on the clipboard, 10
	// to 600.
	ClipboardSeconds int `toml:"clipboard_seconds" json:"clipboard_seconds"`
	// Notifications says whether any are shown.
	Notifications bool `toml:"notifications" json:"notifications"`
	// StartAtLogin and ShowWindow are about starting.
	StartAtLogin bool `toml:"start_at_login" json:"start_at_login"`
	ShowWindow   bool `toml:"show_window" json:"show_window"`
	// Theme is "system", "light" or "dark".
	Theme string `toml:"theme" json:"theme"`
	// TextSize of the window is "normal", "large" (a quarter larger) or
	// "largest" (half as large again).
	TextSize string `toml:"text_size" json:"text_size"`
	// Language is "system" or a language code: "en", "de", "fr", "es", "it".
	Language string `toml:"language" json:"language"`
	// Environment that new accounts belong to; empty means production.
	Environment string `toml:"environment,omitempty" json:"environment,omitempty"`
	// Proxy is a URL, or empty for what the system says.
	Proxy string `toml:"proxy,omitempty" json:"proxy,omitempty"`
	// CABundle is the path of a PEM file with further certificate authorities.
	CABundle string `toml:"ca_bundle,omitempty" json:"ca_bundle,omitempty"`
	// Exports says whether live files may be written, and ExportFormats in
	// which formats: names joined by commas, or empty for all.
	Exports       bool   `toml:"exports" json:"exports"`
	ExportFormats string `toml:"export_formats,omitempty" json:"export_formats,omitempty"`
	// UpdateNotice says whether is asked once a day for a newer version.
	UpdateNotice bool `toml:"update_notice" json:"update_notice"`
	// LogLevel is "info" or "debug".
	LogLevel string `toml:"log_level" json:"log_level"`

	// Locked names the settings that a policy has fixed.
	Locked []string `toml:"-" json:"locked,omitempty"`
}

// DefaultSettings are those of a fresh installation. Nobody is asked for newer
// versions where the system itself brings them.
func DefaultSettings() Settings {
	return Settings{
		ClipboardSeconds: 45, Notifications: true, ShowWindow: true, Exports: true,
		Theme: "system", TextSize: "normal", Language: "system", LogLevel: "info", UpdateNotice: !systemUpdates(),
	}
}

// Languages that Settings.Language accepts besides "system".
var Languages = []string{"en", "de", "fr", "es", "it"}

// setting is one key: how to read its text, and how to write it.
type setting struct {
	get func(Settings) string
	set func(*Settings, string) error
	// check, if not nil, looks for what may be otherwise another time, such as
	// whether a file can be read. A setting that fails it is kept, but not made.
	check func(string) error
}

var settings = map[string]setting{
	"clipboard_seconds": {
		func(s Settings) string { return strconv.Itoa(s.ClipboardSeconds) },
		func(s *Settings, text string) error {
			n, err := strconv.Atoi(text)
			if err != nil || n < 10 || n > 600 {
				return errors.New("choose 10 to 600 seconds")
			}
			s.ClipboardSeconds = n
			return nil
		},
		nil,
	},
	"notifications":  boolSetting(func(s *Settings) *bool { return &s.Notifications }),
	"start_at_login": boolSetting(func(s *Settings) *bool { return &s.StartAtLogin }),
	"show_window":    boolSetting(func(s *Settings) *bool { return &s.ShowWindow }),
	"update_notice":  boolSetting(func(s *Settings) *bool { return &s.UpdateNotice }),
	"exports":        boolSetting(func(s *Settings) *bool { return &s.Exports }),
	"theme":          choiceSetting(func(s *Settings) *string { return &s.Theme }, "system", "light", "dark"),
	"text_size":      choiceSetting(func(s *Settings) *string { return &s.TextSize }, "normal", "large", "largest"),
	"language":       choiceSetting(func(s *Settings) *string { return &s.Language }, append([]string{"system"}, Languages...)...),
	"log_level":      choiceSetting(func(s *Settings) *string { return &s.LogLevel }, "info", "debug"),
	"export_formats": {
		func(s Settings) string { return s.ExportFormats },
		func(s *Settings, text string) error {
			var names []string
			for name := range strings.SplitSeq(text, ",") {
				if name = strings.TrimSpace(name); name == "" {
					continue
				}
				if _, err := export.ParseFormat(name); err != nil && name != string(export.FormatSDKToken) {
					return fmt.Errorf("%w, or %s", err, export.FormatSDKToken)
				}
				names = append(names, name)
			}
			s.ExportFormats = strings.Join(names, ",")
			return nil
		},
		nil,
	},
	"environment": {
		func(s Settings) string { return s.Environment },
		func(s *Settings, text string) error {
			if _, err := EnvironmentByName(text); err != nil {
				return err
			}
			s.Environment = text
			return nil
		},
		nil,
	},
	"proxy": {
		func(s Settings) string { return s.Proxy },
		func(s *Settings, text string) error {
			if u, err := url.Parse(text); err == nil && u.User != nil {
				return errors.New("leave out user name and password: settings are plain text; put them into the system's proxy settings or the variable HTTPS_PROXY")
			}
			if _, err := NewTransport(NetworkOptions{Proxy: text}); err != nil {
				return err
			}
			s.Proxy = text
			return nil
		},
		nil,
	},
	"ca_bundle": {
		func(s Settings) string { return s.CABundle },
		func(s *Settings, text string) error {
			if text != "" && !filepath.IsAbs(text) {
				return fmt.Errorf("%q is not the whole path of a file", text)
			}
			s.CABundle = text
			return nil
		},
		func(text string) error {
			_, err := NewTransport(NetworkOptions{CABundle: text})
			return err
		},
	},
}

func boolSetting(field func(*Settings) *bool) setting {
	return setting{
		func(s Settings) string { return strconv.FormatBool(*field(&s)) },
		func(s *Settings, text string) error {
			on, err := strconv.ParseBool(text)
			if err != nil {
				return errors.New("choose true or false")
			}
			*field(s) = on
			return nil
		},
		nil,
	}
}

func choiceSetting(field func(*Settings) *string, choices ...string) setting {
	return setting{
		func(s Settings) string { return *field(&s) },
		func(s *Settings, text string) error {
			if !slices.Contains(choices, text) {
				return fmt.Errorf("choose one of: %s", strings.Join(choices, ", "))
			}
			*field(s) = text
			return nil
		},
		nil,
	}
}

// SettingNames lists the keys of settings and policies, sorted.
func SettingNames() []string {
	names := make([]string, 0, len(settings))
	for name := range settings {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// IsLocked reports whether a policy has fixed the setting.
func (s Settings) IsLocked(name string) bool { return slices.Contains(s.Locked, name) }

// MayExport reports whether live files of that format may be written.
func (s Settings) MayExport(format string) bool {
	return s.Exports && (s.ExportFormats == "" || slices.Contains(strings.Split(s.ExportFormats, ","), format))
}

// exportRefusal is why MayExport says no, or nil.
func (s Settings) exportRefusal(format string) error {
	switch {
	case s.MayExport(format):
		return nil
	case !s.Exports && s.IsLocked("exports"), s.Exports && s.IsLocked("export_formats"):
		return &Problem{Code: ProblemForbidden}
	}
	return &Problem{Code: ProblemBadRequest, Params: map[string]string{
		"Reason": "files with credentials are switched off in the settings",
	}}
}

// mayUse reports whether a policy lets accounts of that environment sign in.
func (s Settings) mayUse(environment string) bool {
	if !s.IsLocked("environment") {
		return true
	}
	fixed, err := EnvironmentByName(s.Environment)
	return err == nil && fixed.Name == environment
}

// environmentRefusal is why accounts of an environment may not sign in, or nil.
// One of the user's own may bear a public one's name.
func (s Settings) environmentRefusal(e Environment) error {
	if fixed, _ := EnvironmentByName(s.Environment); !s.IsLocked("environment") || fixed == e {
		return nil
	}
	return &Problem{Code: ProblemForbidden}
}

// ChooseEnvironment is the environment that new accounts belong to, and whether
// anybody chose it rather than leaving it at production. What a policy has
// fixed wins, then variable (the value of BITFOUNT_ENVIRONMENT), then the
// setting, then the configuration file; see the function of the same name.
func (s Settings) ChooseEnvironment(variable, configPath string) (e Environment, chosen bool, err error) {
	if s.IsLocked("environment") {
		e, err = EnvironmentByName(s.Environment)
		return e, true, err
	}
	name := cmp.Or(variable, s.Environment)
	e, err = ChooseEnvironment(name, configPath)
	return e, name != "" || e.Name != Environments[0].Name, err
}

// Value is the setting as text, and whether there is one of that name.
func (s Settings) Value(name string) (string, bool) {
	one, ok := settings[name]
	if !ok {
		return "", false
	}
	return one.get(s), true
}

// With returns the settings with one of them changed. A setting that is
// locked, unknown, or has a value that cannot be is an error that says what
// can.
func (s Settings) With(name, value string) (Settings, error) {
	one, ok := settings[name]
	if !ok {
		return s, fmt.Errorf("there is no setting %q", name)
	}
	if s.IsLocked(name) {
		return s, &Problem{Code: ProblemManaged, Params: map[string]string{"Setting": name}}
	}
	changed, value := s, strings.TrimSpace(value)
	err := one.set(&changed, value)
	if err == nil && one.check != nil {
		err = one.check(value)
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", name, err)
	}
	return changed, nil
}

// ReadSettings reads the user's file at path, and the policy over it. A
// missing file is no error. Of a file with mistakes, what is right is used; the
// error names each mistake, and the settings are usable all the same. What a
// policy fixes to a value that cannot be is as in a fresh installation, whatever
// the user has chosen; files are then forbidden, since nobody knows which are not. A CA
// bundle that cannot be read is a mistake and in the settings nevertheless: it
// may be on a drive that comes later.
func ReadSettings(path string, policy map[string]string) (Settings, error) {
	s := DefaultSettings()
	var mistakes []error
	forbidden := false // files, by a policy that nobody understands
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		mistakes = append(mistakes, fmt.Errorf("the settings cannot be read: %w", err))
	default:
		values, err := flatTable(data)
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("the settings in %s are not valid TOML: %w", path, err))
		}
		mistakes = append(mistakes, s.apply(values, path)...)
	}
	for name, value := range policy {
		one, ok := settings[name]
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("the policy: there is no setting %q", name))
			continue
		}
		s.Locked = append(s.Locked, name)
		if one.check != nil {
			if err := one.check(value); err != nil {
				mistakes = append(mistakes, fmt.Errorf("the policy: %s: %w", name, err))
			}
		}
		if err := one.set(&s, value); err != nil {
			mistakes = append(mistakes, fmt.Errorf("the policy: %s: %w", name, err))
			usual, _ := DefaultSettings().Value(name)
			if name == "exports" || name == "export_formats" {
				forbidden = true
			} else if err := one.set(&s, usual); err != nil {
				return s, err
			}
		}
	}
	if forbidden {
		s.Exports, s.Locked = false, append(s.Locked, "exports")
	}
	slices.Sort(s.Locked)
	s.Locked = slices.Compact(s.Locked)
	return s, errors.Join(mistakes...)
}

func (s *Settings) apply(values map[string]string, from string) (mistakes []error) {
	for name, value := range values {
		one, ok := settings[name]
		if !ok {
			mistakes = append(mistakes, fmt.Errorf("%s: there is no setting %q", from, name))
			continue
		}
		err := one.set(s, value)
		if err == nil && one.check != nil {
			err = one.check(value)
		}
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %s: %w", from, name, err))
		}
	}
	return mistakes
}

// ParsePolicy reads a policy: a TOML file with some of the settings' names. A
// list of texts is the same as the texts joined by commas.
func ParsePolicy(data []byte) (map[string]string, error) { return flatTable(data) }

// flatTable reads a TOML file without tables, with its values as text.
func flatTable(data []byte) (map[string]string, error) {
	var table map[string]any
	if err := toml.Unmarshal(data, &table); err != nil {
		return nil, err
	}
	values := make(map[string]string, len(table))
	for name, value := range table {
		values[name] = fmt.Sprint(value)
		if list, ok := value.([]any); ok {
			texts := make([]string, len(list))
			for i, one := range list {
				texts[i] = fmt.Sprint(one)
			}
			values[name] = strings.Join(texts, ",")
		}
	}
	return values, nil
}

// WriteSettings writes the user's file. What a policy has fixed stays as the
// file had it, so that the user's own choice is there again when the policy
// goes, and so do settings of another version of this program. A file that could
// not be understood is kept beside the new one, as path.unreadable.
func WriteSettings(path string, s Settings) error {
	var old map[string]any
	data, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := toml.Unmarshal(data, &old); err != nil {
		if err := export.Write(path+".unreadable", secret.New(string(data))); err != nil {
			return err
		}
		old = nil
	}
	if old == nil {
		old = map[string]any{}
	}
	defaults := DefaultSettings()
	for name := range settings {
		value, _ := s.Value(name)
		usual, _ := defaults.Value(name)
		switch {
		case s.IsLocked(name):
		case value == usual:
			delete(old, name)
		default:
			old[name] = value
		}
	}
	var b strings.Builder
	b.WriteString("# Settings of Bitfount Tray. They can be changed in its window.\n")
	if err := toml.NewEncoder(&b).Encode(old); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return export.Write(path, secret.New(b.String()))
}
