package authcore

import "path/filepath"

// dataHome is ~/Library/Application Support.
func dataHome(config, _ string) string { return config }

// stateHome is ~/Library/Logs, where the Console application looks.
func stateHome(config, _ string) string { return filepath.Join(filepath.Dir(config), "Logs") }
