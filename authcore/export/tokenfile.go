package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

// StorageVariable is the environment variable that names the SDK's folder.
const StorageVariable = "BITFOUNT_STORAGE_PATH"

// DefaultUsername is the SDK's name for "whoever signs in".
const DefaultUsername = "_default"

// NoRefreshToken is what stands in the place of the refresh token in every
// token file that this package writes.
//
// The tenant rotates refresh tokens, and using one twice can end the session
// of everybody who holds a descendant of it. So ours is never copied: two
// programs cannot refresh with it. The place cannot be left empty either, as
// the SDK stops with a KeyError where the key is missing.
//
// While the application runs, it replaces the file long before the last 10
// minutes, and the SDK never refreshes. If it does not run, the SDK sends this
// text as a refresh token once fewer than 10 minutes are left, is refused,
// logs a warning that holds the server's answer, and asks the user to sign in
// by its own device code. That starts a session of its own and leaves the
// application's untouched.
const NoRefreshToken = "kept-by-bitfount-tray" //nolint:gosec // not a credential

// maxTokenFile bounds what is read: three JWTs are less than 16 KiB.
const maxTokenFile = 256 << 10

// TokenFile is the SDK's token file, <storage>/<username>/.token.
//
// The SDK reads it when it authenticates, uses it only if the last four fields
// equal its own, and then writes it again with what it has in memory, so that
// what it read may overwrite what was written meanwhile: whoever keeps the file
// fresh must look at it again.
type TokenFile struct {
	AccessToken secret.Secret
	IDToken     secret.Secret
	// RefreshToken is filled by ParseTokenFile alone, and empty if the file was
	// written by this package. Encode does not write it: see NoRefreshToken.
	RefreshToken secret.Secret
	// ExpiresAt is when the access token expires. It is written in whole
	// seconds, rounded down.
	ExpiresAt  time.Time
	AuthDomain string
	ClientID   string
	Scopes     string
	Audience   string
}

// The keys of the JSON object.
const (
	keyAccessToken  = "access_token"
	keyRefreshToken = "refresh_token"
	keyIDToken      = "id_token"
	keyExpiresAt    = "access_token_expires_at"
	keyAuthDomain   = "auth_domain"
	keyClientID     = "client_id"
	keyScopes       = "scopes"
	keyAudience     = "audience"
)

// Encode makes the file's content. It fails if a field other than RefreshToken
// is empty.
func (f TokenFile) Encode() (secret.Secret, error) {
	fields := map[string]any{
		keyAccessToken:  f.AccessToken.Reveal(),
		keyRefreshToken: NoRefreshToken,
		keyIDToken:      f.IDToken.Reveal(),
		keyAuthDomain:   f.AuthDomain,
		keyClientID:     f.ClientID,
		keyScopes:       f.Scopes,
		keyAudience:     f.Audience,
	}
	for key, value := range fields {
		if value == "" {
			return secret.Secret{}, fmt.Errorf("the SDK's token file needs %s, which is empty", key)
		}
	}
	if f.ExpiresAt.Unix() <= 0 {
		return secret.Secret{}, fmt.Errorf("the SDK's token file needs %s, which is empty", keyExpiresAt)
	}
	fields[keyExpiresAt] = f.ExpiresAt.Unix()
	data, err := json.Marshal(fields)
	if err != nil {
		return secret.Secret{}, fmt.Errorf("the SDK's token file cannot be encoded: %w", err)
	}
	return secret.New(string(data) + "\n"), nil
}

// WriteTokenFile makes the file's folder if need be, with mode 0700, and writes
// the file as Write does. Remove takes it away again.
func WriteTokenFile(path string, f TokenFile) error {
	content, err := f.Encode()
	if err != nil {
		return err
	}
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not the whole path of a file", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("the folder for the SDK's token file cannot be made: %w", err)
	}
	return Write(path, content)
}

// TokenFilePath is where the SDK looks for a user's token file. getenv is
// os.Getenv and home the user's home folder, of which the SDK uses .bitfount
// unless BITFOUNT_STORAGE_PATH is set. An empty username is DefaultUsername.
func TokenFilePath(getenv func(string) string, home, username string) (string, error) {
	storage := getenv(StorageVariable)
	if storage == "" {
		storage = filepath.Join(home, ".bitfount")
	}
	if !filepath.IsAbs(storage) {
		return "", fmt.Errorf("the SDK's folder is %q, which means another place for every program: set %s to a whole path", storage, StorageVariable)
	}
	if username == "" {
		username = DefaultUsername
	}
	if !isFolderName(username) {
		return "", fmt.Errorf("the username %q cannot be the name of a folder", username)
	}
	return filepath.Join(storage, username, ".token"), nil
}

// isFolderName accepts what is one element of a path on every system, so that
// a username of a server cannot lead out of the SDK's folder.
func isFolderName(s string) bool {
	return utf8.ValidString(s) && len(s) <= 255 &&
		filepath.IsLocal(s) && // "..", and on Windows the names of devices
		!strings.ContainsAny(s, `/\:*?"<>|`) &&
		!strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) &&
		!strings.HasSuffix(s, ".") && strings.TrimSpace(s) == s
}

// ReadTokenFile reads and parses a token file.
//
// A refresh token taken from it is the SDK's own: from the moment that it is
// used here, the SDK's copy is dead, and if the SDK uses that, the server may
// end the session. So an import is followed at once by a renewal, and by
// WriteTokenFile or Remove, before an SDK can use the file again.
func ReadTokenFile(path string) (TokenFile, error) {
	// A pipe or a device would make the program wait for ever.
	info, err := os.Stat(path)
	if err != nil {
		return TokenFile{}, fmt.Errorf("the token file cannot be read: %w", err)
	}
	if !info.Mode().IsRegular() {
		return TokenFile{}, fmt.Errorf("%s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return TokenFile{}, fmt.Errorf("the token file cannot be read: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxTokenFile+1))
	if err != nil {
		return TokenFile{}, fmt.Errorf("the token file cannot be read: %w", err)
	}
	return ParseTokenFile(data)
}

// ParseTokenFile reads the content of a token file of at most 256 KiB. Keys
// that it does not know are ignored. Every error names the key, and none holds
// a value. It verifies no token and compares nothing with the environment.
func ParseTokenFile(data []byte) (TokenFile, error) {
	if len(data) > maxTokenFile {
		return TokenFile{}, errors.New("the token file is too long to be one")
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		// The decoder's own text may quote a piece of a token.
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return TokenFile{}, fmt.Errorf("the token file is not JSON: it breaks at byte %d", syntax.Offset)
		}
		return TokenFile{}, errors.New("the token file is not a JSON object")
	}
	var failed []error
	text := func(key string) string {
		s, err := jsonText(object[key])
		if err != nil {
			failed = append(failed, fmt.Errorf("%s %w", key, err))
		}
		return s
	}
	f := TokenFile{
		AccessToken:  secret.New(text(keyAccessToken)),
		IDToken:      secret.New(text(keyIDToken)),
		RefreshToken: secret.New(text(keyRefreshToken)),
		AuthDomain:   text(keyAuthDomain),
		ClientID:     text(keyClientID),
		Scopes:       text(keyScopes),
		Audience:     text(keyAudience),
	}
	expires, err := jsonTime(object[keyExpiresAt])
	if err != nil {
		failed = append(failed, fmt.Errorf("%s %w", keyExpiresAt, err))
	}
	f.ExpiresAt = expires
	if len(failed) != 0 {
		reasons := make([]string, len(failed))
		for i, err := range failed {
			reasons[i] = err.Error()
		}
		slices.Sort(reasons)
		return TokenFile{}, fmt.Errorf("the token file cannot be used: %s", strings.Join(reasons, "; "))
	}
	if f.RefreshToken.Reveal() == NoRefreshToken {
		f.RefreshToken = secret.Secret{}
	}
	return f, nil
}

var errMissing = errors.New("is missing")

func jsonText(raw json.RawMessage) (string, error) {
	var s *string
	if len(raw) == 0 {
		return "", errMissing
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", errors.New("is not text")
	}
	if s == nil || *s == "" {
		return "", errMissing
	}
	return *s, nil
}

// jsonTime reads POSIX seconds, perhaps with a fraction, to the millisecond.
func jsonTime(raw json.RawMessage) (time.Time, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return time.Time{}, errMissing
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return time.Time{}, errors.New("is not a number")
	}
	const year9999 = 253402300799
	if !(seconds > 0 && seconds <= year9999) {
		return time.Time{}, errors.New("is not a time in seconds since 1970")
	}
	return time.UnixMilli(int64(math.Floor(seconds * 1000))).UTC(), nil
}
