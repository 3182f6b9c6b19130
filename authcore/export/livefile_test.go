package export

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bitfount/bitfount-tray/authcore/secret"
)

const canary = "eyJ-canary"

// ownFolder is a folder as users have them; t.TempDir depends on the umask.
func ownFolder(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "own")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// only fails if the folder holds anything but these names.
func only(t testing.TB, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
}

func holds(t testing.TB, path, want string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || string(data) != want {
		t.Errorf("%s holds %q (error %v), want %q", path, data, err, want)
	}
}

func TestAFileIsWrittenReplacedAndRemoved(t *testing.T) {
	dir := ownFolder(t)
	// The longest name that file systems take leaves room for the temporary's.
	path := filepath.Join(dir, strings.Repeat("n", 255))
	for _, content := range []string{"first\n", "second, longer\n", "3\n"} {
		if err := Write(path, secret.New(content)); err != nil {
			t.Fatal(err)
		}
		holds(t, path, content)
	}
	only(t, dir, filepath.Base(path))
	for range 2 { // the second time, there is nothing
		if err := Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	only(t, dir)
	if err := Remove(filepath.Join(dir, "gone", "file")); err != nil {
		t.Errorf("in a folder that is gone: %v", err)
	}
}

func TestTestTouchesNothing(t *testing.T) {
	dir := ownFolder(t)
	path := filepath.Join(dir, "a")
	if err := Test(path); err != nil {
		t.Fatal(err)
	}
	only(t, dir)
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Test(path); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "old")
	only(t, dir, "a")
	if err := Test(filepath.Join(dir, "gone", "a")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make it, or choose another") {
		t.Errorf("in a folder that is gone: %v", err)
	}
}

// TestAReaderNeverSeesHalfAFile reads 100,000 times while the file is replaced.
func TestAReaderNeverSeesHalfAFile(t *testing.T) {
	reads := 100_000
	if testing.Short() {
		reads = 1_000
	}
	path := filepath.Join(ownFolder(t), "headers")
	// Lengths on both sides of a page, so that a part would show.
	contents := map[string]bool{}
	var list []secret.Secret
	for i, n := range []int{3_000, 9_000, 1, 20_000} {
		c := strings.Repeat(string(rune('a'+i)), n) + "\n"
		contents[c] = true
		list = append(list, secret.New(c))
	}
	if err := Write(path, list[0]); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var writes atomic.Int64
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			n := writes.Add(1)
			if err := Write(path, list[int(n)%len(list)]); err != nil {
				t.Error(err)
				return
			}
		}
	})
	const least = 10 // a slow disk must not make this a test of reading alone
	read := 0
	for ; (read < reads || writes.Load() < least) && !t.Failed(); read++ {
		data, err := os.ReadFile(path)
		if err != nil || !contents[string(data)] {
			t.Errorf("%d bytes, error %v", len(data), err)
			break
		}
	}
	close(done)
	group.Wait()
	t.Logf("%d reads, %d writes", read, writes.Load())
}

// TestAReaderSeesAllOrNothingAtTheEnd reads through a file that was opened
// before it was removed.
func TestAReaderSeesAllOrNothingAtTheEnd(t *testing.T) {
	path := filepath.Join(ownFolder(t), "headers")
	want := strings.Repeat("x", 10_000)
	if err := Write(path, secret.New(want)); err != nil {
		t.Fatal(err)
	}
	reader, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	buffer := make([]byte, len(want))
	if _, err := reader.Read(buffer[:100]); err != nil {
		t.Fatal(err)
	}
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	if n, _ := reader.Read(buffer[100:]); n != len(want)-100 {
		t.Errorf("the reader got %d bytes more", n)
	}
}

func TestSeveralWritersLeaveOneWholeFile(t *testing.T) {
	dir := ownFolder(t)
	path := filepath.Join(dir, "headers")
	var group sync.WaitGroup
	for i := range 10 {
		group.Go(func() {
			if err := Write(path, secret.New(strings.Repeat(string(rune('a'+i)), 5000))); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	data, err := os.ReadFile(path)
	if err != nil || len(data) != 5000 || strings.Trim(string(data), string(data[:1])) != "" {
		t.Errorf("%d bytes, error %v", len(data), err)
	}
	only(t, dir, "headers")
}

func TestWhatACrashLeftIsCleanedUp(t *testing.T) {
	dir := ownFolder(t)
	path := filepath.Join(dir, "headers")
	leave := func(target string, age time.Duration) string {
		name := temporaryStem(target) + "LEFT" + age.String() + temporarySuffix
		if err := os.WriteFile(filepath.Join(dir, name), []byte(canary), 0o600); err != nil {
			t.Fatal(err)
		}
		then := time.Now().Add(-age)
		if err := os.Chtimes(filepath.Join(dir, name), then, then); err != nil {
			t.Fatal(err)
		}
		return name
	}
	leave("headers", time.Hour)
	young := leave("headers", 0) // of another process that writes at this moment
	other := leave("another", time.Hour)
	if err := Write(path, secret.New("x")); err != nil {
		t.Fatal(err)
	}
	names := []string{young, other, "headers"}
	if other < young {
		names = []string{other, young, "headers"}
	}
	only(t, dir, names...)
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	only(t, dir, other)
}

func TestAPathMustBeThatOfAFile(t *testing.T) {
	dir := ownFolder(t)
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"", "headers", "./headers", string(filepath.Separator),
		dir + string(filepath.Separator), filepath.Join(dir, "folder"), filepath.Join(dir, "file", "headers"),
	} {
		if err := Write(path, secret.New(canary)); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("Write(%q): %v", path, err)
		}
		if path == "" || !filepath.IsAbs(path) {
			if Test(path) == nil || Remove(path) == nil {
				t.Errorf("%q passes", path)
			}
		}
	}
	holds(t, filepath.Join(dir, "file"), "precious")
	only(t, dir, "file", "folder")
	only(t, filepath.Join(dir, "folder"))
}

func TestNothingGoesThroughALink(t *testing.T) {
	dir := ownFolder(t)
	victim := filepath.Join(dir, "victim")
	real := filepath.Join(dir, "real")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(real, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link": victim, "dangling": filepath.Join(dir, "nothing"), "linked": real} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skipf("no symbolic links here: %v", err)
		}
	}
	for _, path := range []string{
		filepath.Join(dir, "link"), filepath.Join(dir, "dangling"), filepath.Join(dir, "linked", "headers"),
	} {
		if err := Write(path, secret.New(canary)); err == nil || !strings.Contains(err.Error(), "link") {
			t.Errorf("Write(%s): %v", path, err)
		}
		if err := Remove(path); err == nil {
			t.Errorf("Remove(%s) succeeds", path)
		}
	}
	holds(t, victim, "precious")
	only(t, real)
	only(t, dir, "dangling", "link", "linked", "real", "victim")

	// Further up a link may stand: many home folders lie behind one.
	if err := os.Mkdir(filepath.Join(real, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(filepath.Join(dir, "linked", "sub", "headers"), secret.New("x")); err != nil {
		t.Error(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	path := filepath.Join(ownFolder(b), "headers")
	content := secret.New(strings.Repeat("x", 4000))
	for b.Loop() {
		if err := Write(path, content); err != nil {
			b.Fatal(err)
		}
	}
}
