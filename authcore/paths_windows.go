package authcore

// dataHome is %LocalAppData%: the vault's key is in this machine's Credential
// Manager, so a roaming copy of the vault could not be opened.
func dataHome(_, cache string) string { return cache }

// stateHome is %LocalAppData%: a log does not roam.
func stateHome(_, cache string) string { return cache }
