package authcore

import (
	"strings"
	"time"
)

// ProblemCode names one thing that can go wrong, for programs. Its words for
// people are in Words; a view may translate them by the code.
type ProblemCode string

// Every problem that a snapshot can carry.
const (
	// Keyring: the four states of the place that holds the vault's key.
	ProblemKeyringAbsent     ProblemCode = "keyring-absent"
	ProblemKeyringLocked     ProblemCode = "keyring-locked"
	ProblemKeyringSlow       ProblemCode = "keyring-slow"
	ProblemKeyringKeyMissing ProblemCode = "keyring-key-missing"

	// Vault: the encrypted file.
	ProblemVaultDamaged    ProblemCode = "vault-damaged"
	ProblemVaultUnreadable ProblemCode = "vault-unreadable"
	ProblemVaultUnwritable ProblemCode = "vault-unwritable"
	ProblemVaultNewer      ProblemCode = "vault-newer"
	ProblemDiskFull        ProblemCode = "disk-full"

	// Network: everything that heals by itself.
	ProblemUnreachable   ProblemCode = "unreachable"
	ProblemServerBusy    ProblemCode = "server-busy"
	ProblemCaptivePortal ProblemCode = "captive-portal"
	ProblemCertificate   ProblemCode = "certificate"

	// Sign-in and session: only the user can mend these.
	ProblemSignInDenied       ProblemCode = "sign-in-denied"
	ProblemCodeExpired        ProblemCode = "code-expired"
	ProblemWrongUser          ProblemCode = "wrong-user"
	ProblemBadDeviceAnswer    ProblemCode = "bad-device-answer"
	ProblemBadToken           ProblemCode = "bad-token"
	ProblemRefused            ProblemCode = "refused"
	ProblemSessionEnded       ProblemCode = "session-ended"
	ProblemRenewalInterrupted ProblemCode = "renewal-interrupted"
	ProblemBadSource          ProblemCode = "bad-source"
	ProblemNotSignedIn        ProblemCode = "not-signed-in"
	ProblemTooShort           ProblemCode = "too-short"

	// This computer.
	ProblemClockWrong    ProblemCode = "clock-wrong"
	ProblemNoTrayHost    ProblemCode = "no-tray-host"
	ProblemNoSessionBus  ProblemCode = "no-session-bus"
	ProblemNoWindow      ProblemCode = "no-window"
	ProblemNoDisplay     ProblemCode = "no-display"
	ProblemClipboard     ProblemCode = "clipboard"
	ProblemNoBrowser     ProblemCode = "no-browser"
	ProblemNoPage        ProblemCode = "no-page"
	ProblemClipboardKept ProblemCode = "clipboard-kept"
	ProblemExport        ProblemCode = "export"
	ProblemExportKept    ProblemCode = "export-kept" // a live file that could not be removed
	ProblemManaged       ProblemCode = "managed"
	ProblemForbidden     ProblemCode = "forbidden"
	ProblemBadSetting    ProblemCode = "bad-setting"
	ProblemPolicy        ProblemCode = "policy"
	// ProblemSettingsFile: some of the user's settings were not understood.
	ProblemSettingsFile ProblemCode = "settings-file"
	// ProblemNetworkSettings: the proxy or the CA bundle cannot be used.
	ProblemNetworkSettings ProblemCode = "network-settings"
	ProblemProxy           ProblemCode = "proxy"
	ProblemAutostart       ProblemCode = "autostart"
	ProblemReport          ProblemCode = "report"

	// Local API: what a client of the resident can get wrong.
	ProblemBadRequest       ProblemCode = "bad-request"
	ProblemClientOutdated   ProblemCode = "client-outdated"
	ProblemResidentOutdated ProblemCode = "resident-outdated"

	ProblemInternal ProblemCode = "internal"
)

// Problem is an error that a person will read. The zero value is no problem.
// It is a value: copies are independent except for Params, which nobody writes
// after it was made.
type Problem struct {
	Code ProblemCode `json:"code"`
	// Params fill the {{.Name}} places in the words.
	Params map[string]string `json:"params,omitempty"`
	// Cause is the technical reason, for the "Details" of a view. It holds no secret.
	Cause string `json:"cause,omitempty"`
	// Since is when it was first seen (wall clock).
	Since time.Time `json:"since,omitzero"`
}

// Error makes a Problem an error: what happened, and the next step.
func (p *Problem) Error() string {
	w := p.Words()
	text := w.What + " " + w.Next
	if p.Cause != "" {
		text += " (" + p.Cause + ")"
	}
	return text
}

// Words is what a person reads: what happened, what it means for them, and the
// next step. Each is one or two plain sentences in English.
type Words struct {
	What    string `json:"what"`
	Meaning string `json:"meaning"`
	Next    string `json:"next"`
}

// Words returns the sentences for p with its Params filled in. An unknown code
// gets the words of ProblemInternal.
func (p *Problem) Words() Words {
	w := WordsTemplate(p.Code)
	return Words{p.fill(w.What), p.fill(w.Meaning), p.fill(w.Next)}
}

func (p *Problem) fill(text string) string {
	for name, value := range p.Params {
		text = strings.ReplaceAll(text, "{{."+name+"}}", value)
	}
	return text
}

// WordsTemplate returns the English sentences for code with {{.Name}} places
// unfilled, so that a view can translate them.
func WordsTemplate(code ProblemCode) Words {
	if w, ok := words[code]; ok {
		return w
	}
	return words[ProblemInternal]
}

// ProblemCodes returns every code that has words, in no particular order.
func ProblemCodes() []ProblemCode {
	codes := make([]ProblemCode, 0, len(words))
	for code := range words {
		codes = append(codes, code)
	}
	return codes
}

var words = map[ProblemCode]Words{
	ProblemKeyringAbsent: {
		"This computer offers no place to keep passwords (no keyring is running).",
		"You can work normally, but the session is kept in memory only: after a restart you will have to sign in again.",
		"Ask your IT department to start a keyring (such as GNOME Keyring or KWallet). The session will be saved as soon as one is there.",
	},
	ProblemKeyringLocked: {
		"The keyring of this computer is locked.",
		"Until it is unlocked, a session that was saved before cannot be opened, and the present one is kept in memory only.",
		"Unlock the keyring: a window may be asking for its password, often the one you use to log in to this computer. “Fix it” asks for it again.",
	},
	ProblemKeyringSlow: {
		"The keyring of this computer is not answering.",
		"Until it answers, a session that was saved before cannot be opened, and the present one is kept in memory only.",
		"Look for a window that asks for the keyring's password. If there is none, wait: it is tried again by itself.",
	},
	ProblemKeyringKeyMissing: {
		"The key for your saved session is no longer in this computer's keyring.",
		"The saved session cannot be opened. The file is kept; nothing was deleted.",
		"Sign in again. A new key is made, and everything else goes on as before.",
	},
	ProblemVaultDamaged: {
		"The file with your saved session is damaged.",
		"The saved session cannot be opened. The damaged file is kept; nothing was deleted.",
		"Sign in again. Everything else goes on as before.",
	},
	ProblemVaultUnreadable: {
		"The file with your saved session cannot be read.",
		"The file is still there and was not changed. Until it can be read, the session is kept in memory only.",
		"Ask your IT department to give you read access to {{.Path}}.",
	},
	ProblemVaultUnwritable: {
		"Your session could not be saved.",
		"You can work normally, but after a restart you may have to sign in again.",
		"Check that you may write to {{.Path}}. Saving is tried again by itself.",
	},
	ProblemVaultNewer: {
		"Your saved session was written by a newer version of Bitfount Tray.",
		"This version leaves it untouched, and keeps what you do now in memory only.",
		"Install the newer version again.",
	},
	ProblemDiskFull: {
		"Your session could not be saved because the disk is full.",
		"You can work normally, but after a restart you may have to sign in again.",
		"Free some space on the disk. Saving is tried again by itself.",
	},
	ProblemUnreachable: {
		"{{.Host}} cannot be reached at the moment.",
		"Your session stays as it is, and renewing it is tried again by itself.",
		"Check the network connection. If other sites work, wait: the service may be down.",
	},
	ProblemServerBusy: {
		"{{.Host}} is busy or has a fault.",
		"Your session stays as it is, and renewing it is tried again by itself.",
		"There is nothing to do but wait.",
	},
	ProblemCaptivePortal: {
		"Something between this computer and {{.Host}} answered in its place, perhaps the sign-in page of a guest network.",
		"Your session stays as it is, and renewing it is tried again by itself.",
		"Open a web page in your browser. If a network sign-in appears, complete it.",
	},
	ProblemCertificate: {
		"The connection to {{.Host}} is not trusted: its certificate was issued by {{.Issuer}}.",
		"Nothing was sent. Your session stays as it is.",
		"If your organisation inspects traffic, ask your IT department for its CA file and name it in the settings.",
	},
	ProblemSignInDenied: {
		"The sign-in was declined in the browser.",
		"You are not signed in.",
		"If this was a mistake, choose “Sign in…” again and approve the request.",
	},
	ProblemCodeExpired: {
		"The sign-in code was not used in time.",
		"You are not signed in.",
		"Choose “Sign in…” again to get a new code.",
	},
	ProblemWrongUser: {
		"The browser signed in as {{.Got}}, but this account belongs to {{.Want}}.",
		"Nothing was changed or stored.",
		"Sign out of the Bitfount web page in your browser, then choose “Sign in…” again as {{.Want}}.",
	},
	ProblemBadDeviceAnswer: {
		"{{.Host}} gave an answer that cannot be used for signing in.",
		"You are not signed in. Nothing was changed.",
		"Try again in a minute. If it happens again, send the details to Bitfount support.",
	},
	ProblemBadToken: {
		"The proof of identity that {{.Host}} sent could not be verified.",
		"You are not signed in. Nothing was stored.",
		"Check that this computer's clock is right, then sign in again. If it happens again, tell your IT department: somebody may be interfering with the connection.",
	},
	ProblemRefused: {
		"{{.Host}} refused the sign-in request.",
		"You are not signed in. Nothing was changed.",
		"Try again. If it happens again, send the details to Bitfount support.",
	},
	ProblemSessionEnded: {
		"The server has ended this session.",
		"What is still valid can be used until it runs out; after that, Bitfount services need you to sign in again.",
		"Choose “Sign in…”.",
	},
	ProblemRenewalInterrupted: {
		"The session was being renewed when this computer stopped or lost its connection, and the server's answer never arrived.",
		"The server has ended this session to be safe. Nobody else got access.",
		"Choose “Sign in…”.",
	},
	ProblemBadSource: {
		"The other program did not provide a usable token.",
		"Bitfount services cannot be used with this account until it does.",
		"Choose “Use a token from another program” and check the command, file or variable. The details say what came back.",
	},
	ProblemNotSignedIn: {
		"You are not signed in.",
		"Bitfount services cannot be used until you sign in.",
		"Choose “Sign in…”, or run bitfount-auth login.",
	},
	ProblemTooShort: {
		"The server's tokens do not live as long as {{.Asked}}; this one has {{.Left}} left.",
		"Nothing was handed out.",
		"Ask for a shorter time.",
	},
	ProblemClockWrong: {
		"This computer's clock is wrong by {{.Offset}}.",
		"Your session is judged by the server's time meanwhile, so nothing is lost, but other programs may fail.",
		"Set the clock, or ask your IT department to switch on automatic time.",
	},
	ProblemNoTrayHost: {
		"This desktop shows no tray icons.",
		"Bitfount Tray runs, but its icon cannot be seen. Everything can be done in its window, which opens when you start Bitfount Tray again.",
		"On GNOME, install the extension “AppIndicator and KStatusNotifierItem Support”. The icon appears by itself.",
	},
	ProblemNoSessionBus: {
		"This login has no desktop message bus (D-Bus).",
		"Neither the tray icon nor the keyring can be reached, so the session is kept in memory only.",
		"Log in to a full desktop session, or use the command bitfount-auth.",
	},
	ProblemNoWindow: {
		"The window cannot be opened because this computer offers no OpenGL graphics.",
		"Your session is not affected, and everything can be done from the icon's menu.",
		"On a remote desktop or virtual machine, ask your IT department for OpenGL (Mesa) support.",
	},
	ProblemNoDisplay: {
		"The window cannot be opened because there is no display.",
		"Your session is not affected.",
		"Start Bitfount Tray from a desktop, or use the command bitfount-auth.",
	},
	ProblemClipboard: {
		"The clipboard could not be used.",
		"Nothing was copied.",
		"Try again. If it happens again, use “Save to a file…” or the command bitfount-auth headers.",
	},
	ProblemClipboardKept: {
		"The headers could not be taken off the clipboard.",
		"They stay there until something else is copied, and other programs can read them.",
		"Copy any other text now.",
	},
	ProblemNoBrowser: {
		"No web browser could be opened.",
		"The sign-in is waiting for you.",
		"Copy the link and open it in a browser, or scan the code with a phone.",
	},
	ProblemNoPage: {
		"No web browser could be opened.",
		"Nothing else is affected.",
		"Open {{.Page}} in a browser yourself.",
	},
	ProblemExport: {
		"The file {{.Path}} could not be written.",
		"Programs that read it will not get fresh headers. Your session is not affected.",
		"Check that the folder exists and that you may write to it. It is tried again by itself.",
	},
	ProblemExportKept: {
		"The file {{.Path}} could not be removed.",
		"It may still hold headers, which work until they expire.",
		"Delete the file yourself. It is tried again by itself.",
	},
	ProblemBadRequest: {
		"The request cannot be carried out: {{.Reason}}.",
		"Nothing was changed.",
		"Correct the request and try again.",
	},
	ProblemClientOutdated: {
		"This program is older than the Bitfount Tray that is running (version {{.Version}}).",
		"The two do not understand each other. Nothing was changed.",
		"Install the same version of both.",
	},
	ProblemResidentOutdated: {
		"The Bitfount Tray that is running (version {{.Version}}) is older than this program.",
		"The two do not understand each other. Nothing was changed.",
		"Quit Bitfount Tray and start it again. If that does not help, update it.",
	},
	ProblemManaged: {
		"This setting is managed by your organisation.",
		"It cannot be changed here.",
		"Ask your IT department.",
	},
	ProblemForbidden: {
		"Your organisation does not allow this.",
		"Nothing was changed.",
		"Ask your IT department if you need it.",
	},
	ProblemBadSetting: {
		"The setting was not changed.",
		"What was entered cannot be used; everything stays as it was.",
		"Look at the details, and enter it again.",
	},
	ProblemPolicy: {
		"Your organisation's policy for Bitfount Tray cannot be used.",
		"What it fixes may not be in force. Your session is not affected.",
		"Tell your IT department: {{.Path}} has a mistake or cannot be read. The details say which.",
	},
	ProblemSettingsFile: {
		"Some of your settings could not be read.",
		"The usual ones are used in their place. Your session is not affected.",
		"Open the settings and choose again what is missing. The details say what was wrong.",
	},
	ProblemNetworkSettings: {
		"The proxy or the certificate authorities in the settings cannot be used.",
		"Connections go out as this computer is set up, which may not be enough in your network. The settings are tried again by themselves.",
		"Correct them in the settings, or ask your IT department. The details say what is wrong.",
	},
	ProblemProxy: {
		"The proxy {{.Proxy}} does not let this computer through to {{.Host}}.",
		"Your session stays as it is, and renewing it is tried again by itself.",
		"Ask your IT department which proxy to use, and enter it in the settings.",
	},
	ProblemAutostart: {
		"Whether Bitfount Tray starts at login could not be changed.",
		"Everything stays as it was.",
		"Look for Bitfount Tray in this computer's own list of startup programs and change it there.",
	},
	ProblemReport: {
		"The report could not be saved.",
		"Nothing else is affected.",
		"Save it again in another folder, or run bitfount-auth doctor.",
	},
	ProblemInternal: {
		"Something unexpected happened.",
		"Your session stays as it is.",
		"Try again. If it happens again, send the details to Bitfount support.",
	},
}
