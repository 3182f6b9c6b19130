package authcore

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/export"
	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// liveFile is one exported file as the agent keeps it fresh.
type liveFile struct {
	spec export.Spec
	view LiveFile
	// wrote is the credential that the file holds; nil after it was removed.
	wrote *credential
	// known is false until the file was written or removed once.
	known bool
	// stamp is the file as we left it: the SDK writes its token file, too, and
	// may put an older token over ours.
	stamp fileStamp
	busy  bool
	// retryAt is when what failed is tried again, and failed what that was: the
	// next credential, or its end, does not wait for it.
	retryAt time.Time
	failed  *credential
}

// fileStamp tells a file that somebody has written from one that nobody has.
type fileStamp struct {
	size    int64
	changed time.Time
}

func stampOf(path string) fileStamp {
	info, err := os.Lstat(path)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.Size(), info.ModTime()}
}

// exportRetry is how often a file that cannot be written is tried again: a
// network drive that comes back is noticed soon, and a log does not fill.
const exportRetry = 30 * time.Second

// loadLiveFiles reads the list of live files. A list that cannot be read costs
// no session: it is set aside by name and a new one begins.
func (a *Agent) loadLiveFiles() {
	if a.options.LiveFileList == "" {
		return
	}
	data, err := os.ReadFile(a.options.LiveFileList)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var specs []export.Spec
	if err == nil {
		err = json.Unmarshal(data, &specs)
	}
	if err != nil {
		a.log.Warn("the list of live files cannot be read", "cause", err)
		_ = os.Rename(a.options.LiveFileList, a.options.LiveFileList+".unreadable")
		return
	}
	for _, s := range specs {
		if s.Validate() == nil {
			a.liveFiles = append(a.liveFiles, newLiveFile(s))
		}
	}
}

func newLiveFile(s export.Spec) *liveFile {
	return &liveFile{spec: s, view: LiveFile{Path: s.Path, Account: s.Account, Service: s.Service, Format: string(s.Format)}}
}

// saveLiveFiles writes the list. It holds no secret.
func (a *Agent) saveLiveFiles() error {
	if a.options.LiveFileList == "" {
		return nil
	}
	specs := make([]export.Spec, len(a.liveFiles))
	for i, f := range a.liveFiles {
		specs[i] = f.spec
	}
	data, err := json.MarshalIndent(specs, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(a.options.LiveFileList), 0o700); err != nil {
		return err
	}
	return export.Write(a.options.LiveFileList, secret.New(string(data)+"\n"))
}

// addLiveFile begins to keep a file fresh. One with the same path is replaced.
func (a *Agent) addLiveFile(acc *account, c Command) error {
	if err := a.settings.exportRefusal(c.Format); err != nil {
		return err
	}
	spec := export.Spec{Path: c.Path, Service: c.Service, Format: export.Format(c.Format), Account: acc.rec.ID}
	if c.Format == string(export.FormatSDKToken) {
		if acc.rec.Method != MethodDeviceCode {
			return errors.New("the SDK's token file is for accounts that sign in with a browser; the SDK takes API keys and other tokens by itself")
		}
		spec.Service = export.Hub
		if spec.Path == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return err
			}
			if spec.Path, err = export.TokenFilePath(os.Getenv, home, ""); err != nil {
				return err
			}
		}
	}
	if err := spec.Validate(); err != nil {
		return err
	}
	if c.Format != string(export.FormatSDKToken) {
		// Said now, while the user is looking, rather than after a renewal.
		if err := export.Test(spec.Path); err != nil {
			return &Problem{Code: ProblemExport, Params: map[string]string{"Path": spec.Path}, Cause: err.Error(), Since: a.now()}
		}
	}
	before := slices.Clone(a.liveFiles)
	a.liveFiles = slices.DeleteFunc(slices.Clone(a.liveFiles), func(f *liveFile) bool { return f.spec.Path == spec.Path })
	a.liveFiles = append(a.liveFiles, newLiveFile(spec))
	if err := a.saveLiveFiles(); err != nil {
		a.liveFiles = before
		return &Problem{Code: ProblemExport, Params: map[string]string{"Path": a.options.LiveFileList}, Cause: err.Error(), Since: a.now()}
	}
	return nil
}

// removeLiveFile stops keeping a file fresh, and removes it.
func (a *Agent) removeLiveFile(path string) error {
	i := slices.IndexFunc(a.liveFiles, func(f *liveFile) bool { return f.spec.Path == path })
	if i < 0 {
		return errors.New("no live file has the path " + path)
	}
	f := a.liveFiles[i]
	a.liveFiles = slices.Delete(slices.Clone(a.liveFiles), i, i+1)
	f.spec.Account = "" // a write under way is undone when it ends
	if !f.busy {
		a.startExport(f, nil)
	}
	return a.saveLiveFiles()
}

// exportDue starts the writing of every file that does not hold what its
// account has. It runs after everything that the owner does.
func (a *Agent) exportDue() {
	if !a.loaded {
		return // not yet known whether anybody is signed in
	}
	now := a.now()
	for _, f := range a.liveFiles {
		if f.busy {
			continue
		}
		var cred *credential
		if acc := a.account(f.spec.Account); acc != nil && a.settings.MayExport(string(f.spec.Format)) {
			cred = acc.cred
		}
		// A credential that has expired stays in the file until there is a
		// new one: removing it would only hide why requests fail.
		if f.known && f.wrote == cred || f.failed == cred && now.Before(f.retryAt) {
			continue
		}
		a.startExport(f, cred)
	}
}

// checkTokenFiles looks at the SDK's token files at every tick, and has those
// written again that the SDK has written.
func (a *Agent) checkTokenFiles() {
	for _, f := range a.liveFiles {
		if f.busy || !f.known || f.wrote == nil || f.spec.Format != export.FormatSDKToken {
			continue
		}
		f.busy = true
		path, stamp := f.spec.Path, f.stamp
		a.work(func() {
			changed := stampOf(path) != stamp
			a.post(func() {
				f.busy = false
				f.known = f.known && !changed
			})
		})
	}
}

// startExport writes one file beside the owner, or removes it where there is
// no credential.
func (a *Agent) startExport(f *liveFile, cred *credential) {
	f.busy = true
	spec := f.spec
	var file export.TokenFile
	if acc := a.account(spec.Account); acc != nil && spec.Account != "" {
		file = tokenFileOf(acc.rec)
	}
	a.work(func() {
		written, err := writeLiveFile(spec, cred, file)
		stamp := stampOf(spec.Path)
		a.post(func() {
			f.stamp = stamp
			a.exported(f, cred, written, err)
		})
	})
}

// tokenFileOf is the SDK's token file for a session. It has no refresh token.
func tokenFileOf(r record) export.TokenFile {
	e := r.Environment
	return export.TokenFile{
		AccessToken: secret.New(r.AccessToken), IDToken: secret.New(r.IDToken), ExpiresAt: r.ExpiresAt,
		AuthDomain: hostOf(e.Issuer), ClientID: e.ClientID, Scopes: e.Scopes, Audience: e.Audience,
	}
}

// writeLiveFile brings one file up to date. A file that is so already, after a
// restart or when the command line looks, is not written.
func writeLiveFile(spec export.Spec, cred *credential, file export.TokenFile) (written bool, err error) {
	if cred == nil {
		return true, export.Remove(spec.Path)
	}
	var text secret.Secret
	if spec.Format == export.FormatSDKToken {
		text, err = file.Encode()
	} else {
		text, err = export.Render(spec.Format, spec.Service, cred.headers(spec.Service))
	}
	switch {
	case err != nil:
		return false, err
	case export.Holds(spec.Path, text):
		return false, nil
	case spec.Format == export.FormatSDKToken:
		return true, export.WriteTokenFile(spec.Path, file)
	}
	return true, export.Write(spec.Path, text)
}

// exported takes in what became of a write.
func (a *Agent) exported(f *liveFile, cred *credential, written bool, err error) {
	f.busy = false
	if !slices.Contains(a.liveFiles, f) {
		if cred != nil {
			a.startExport(f, nil) // removed from the list while it was written
		}
		return
	}
	now := a.now()
	if err != nil {
		f.retryAt, f.failed = now.Add(exportRetry), cred
		code := ProblemExport
		if cred == nil {
			code = ProblemExportKept
		}
		if f.view.Problem == nil || f.view.Problem.Code != code {
			f.view.Problem = &Problem{Code: code, Params: map[string]string{"Path": f.spec.Path}, Cause: err.Error(), Since: now}
			a.event(TimelineEvent{Kind: EventFileFailed, Account: f.spec.Account, Detail: f.spec.Path})
			a.log.Warn("a live file cannot be written", "path", f.spec.Path, "cause", err)
		}
		return
	}
	f.known, f.wrote, f.retryAt, f.failed, f.view.Problem = true, cred, time.Time{}, nil, nil
	f.view.WrittenAt = time.Time{}
	switch {
	case cred != nil && !written:
		f.view.WrittenAt = f.stamp.changed
	case cred != nil:
		f.view.WrittenAt = now
		a.log.Debug("a live file was written", "path", f.spec.Path)
		a.event(TimelineEvent{Kind: EventFile, Account: f.spec.Account, Detail: f.spec.Path})
	}
}
