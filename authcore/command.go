package authcore

import "github.com/bitfount/bitfount-tray/authcore/export"

// CommandName names something that a person or program can ask for.
type CommandName string

// Commands that the agent carries out.
const (
	CommandSignIn       CommandName = "sign-in"
	CommandCancelSignIn CommandName = "cancel-sign-in"
	CommandRenew        CommandName = "renew"
	CommandSignOut      CommandName = "sign-out"
	CommandSetActive    CommandName = "set-active"
	CommandRename       CommandName = "rename"
	CommandAddAccount   CommandName = "add-account"
	CommandRemove       CommandName = "remove-account"
	CommandAddLiveFile  CommandName = "add-live-file"
	CommandRemoveFile   CommandName = "remove-live-file"
	// CommandImportTokenFile takes over the session of the SDK's token file at
	// Path, or in the SDK's own place if that is empty: Agent.ImportTokenFile.
	CommandImportTokenFile CommandName = "import-token-file"
)

// Commands that the resident carries out, since they need the desktop.
const (
	CommandCopyHeaders CommandName = "copy-headers"
	CommandCopyLink    CommandName = "copy-link"
	CommandCopyCode    CommandName = "copy-code"
	CommandOpenBrowser CommandName = "open-browser"
	CommandOpenWindow  CommandName = "open-window"
	CommandSet         CommandName = "set"
	// CommandFixIt runs Diagnose; what it finds is in Desktop.Diagnosis.
	CommandFixIt CommandName = "fix-it"
	// CommandCopyReport puts Report on the clipboard.
	CommandCopyReport CommandName = "copy-report"
	// CommandOpenUpdate opens the page about the newer version.
	CommandOpenUpdate CommandName = "open-update"
	CommandQuit       CommandName = "quit"
)

// Command is one request to the agent or the resident. It is what tray, window
// and command line send; it carries no secret.
type Command struct {
	Name CommandName `json:"name"`
	// Account is the ID it is about; empty means the active account.
	Account string `json:"account,omitempty"`
	// Service and Format say what to copy or to write.
	Service export.Service `json:"service,omitempty"`
	Format  string         `json:"format,omitempty"`
	// Path is the place of the live file or token file, absolute.
	Path string `json:"path,omitempty"`
	// Setting names the setting that CommandSet gives the value Text.
	Setting string `json:"setting,omitempty"`
	// Text is the new label of a rename, the environment of a new account, or
	// the value of a setting.
	Text string `json:"text,omitempty"`
	// NoBrowser keeps a sign-in from opening the browser: whoever asked shows
	// the link.
	NoBrowser bool `json:"no_browser,omitempty"`
}

// Allowed reports whether the command can work in this snapshot. Menus enable
// by it, and handlers ask it again when the click arrives, because desktops
// deliver clicks on disabled items too.
func (s *Snapshot) Allowed(c Command) bool {
	id := c.Account
	if id == "" {
		id = s.Active
	}
	a, ok := s.Account(id)
	switch c.Name {
	case CommandSignIn:
		return ok && a.Method == MethodDeviceCode && a.State != Prompting && a.State != Renewing && s.Settings.mayUse(a.Environment)
	case CommandCancelSignIn:
		return ok && a.State == Prompting
	case CommandCopyLink, CommandCopyCode, CommandOpenBrowser:
		return ok && a.Prompt != nil
	case CommandRenew:
		return ok && a.Renewable && a.State != Renewing && a.State != Prompting
	case CommandSignOut:
		return ok && a.State != SignedOut && a.State != Prompting
	case CommandCopyHeaders:
		return ok && a.HasHeaders
	case CommandSetActive, CommandRename, CommandRemove:
		return ok
	case CommandAddLiveFile:
		return ok && s.Settings.Exports && (c.Format == "" || s.Settings.MayExport(c.Format))
	case CommandAddAccount:
		return c.Text == "" || s.Settings.mayUse(c.Text)
	case CommandImportTokenFile:
		return s.Settings.MayExport(string(export.FormatSDKToken))
	case CommandOpenUpdate:
		return s.Desktop.Update != nil
	case CommandSet:
		return !s.Settings.IsLocked(c.Setting)
	}
	return true
}
