package authcore

// dataHome is ~/Library/Application Support.
func dataHome(config, _ string) string { return config }
