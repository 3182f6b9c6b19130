// Package vault keeps one piece of secret content on disk: encrypted, replaced
// as a whole, and opened with a key that the system's keyring holds. It neither
// knows nor cares what the content is.
//
// # Why a key in the keyring and a file beside it
//
// Windows keeps at most 2,560 bytes in one credential and go-keyring at most
// about 3,000 on macOS; the tokens of one Bitfount account can be larger, and
// several entries cannot be replaced together. So the keyring holds only a key
// of 32 random bytes, which is written once, and the file holds everything else.
// No content is ever written unencrypted, and there is no fallback that does.
//
// # The file
//
//	bitfount-tray vault 1 <key name> <checksum>\n    header, one line of ASCII
//	<nonce, 12 bytes><ciphertext><tag, 16 bytes>     AES-256-GCM
//
// The cipher is the standard library's AES-256-GCM with a random nonce, so that
// nothing here has to count or store nonces; NIST SP 800-38D section 8.3 allows
// 2^32 random nonces with one key, which is more than a century of saves at one
// a second. The header line is the additional authenticated data: nobody can
// turn a file into one of another version or of another key without the key.
// Every later version keeps this outer form, so an older program can tell a
// newer file (ErrNewerVersion) from a damaged one (ErrDamaged). The CRC-32 in
// the header protects nothing; it lets a damaged key name be called damage
// before the keyring is asked for a key of that name, which it could not have.
//
// The key's name is new for each key. A key is therefore never overwritten: a
// save that hangs in one process while another makes its own key cannot cost
// anybody the key of a good file, and a file that was set aside can still be
// opened while its key is in the keyring.
//
// # A save
//
// A save writes vault.new beside the file, syncs it, renames it over the file
// and syncs the folder, all under the lock. A process that is killed on the way
// leaves the file as it was. If its vault.new was whole by then, which the
// cipher's tag tells, the next to open the vault completes the save: what was
// saved, such as a refresh token that the server has just rotated, may exist
// nowhere else.
//
// # What it does not do
//
// It does not protect against programs of the same user, which can ask the
// keyring too; nor against somebody who puts back an older copy of the file.
package vault
