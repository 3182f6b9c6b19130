package proof

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bitfount/bitfount-tray/authcore"
	"github.com/bitfount/bitfount-tray/build/desktop"
	"github.com/bitfount/bitfount-tray/build/provider"
)

// crashes kills agents and judges what is left. What became of each session is
// told by the provider's counters, not by the agent: the session may be lost
// only where the provider rotated the refresh token and the new one did not
// reach the disk.
type crashes struct {
	t   *testing.T
	idp *provider.Provider
	env []string
	o   childOptions

	// token is the last one that an agent had on disk for certain.
	token string
	// rotated is the provider's counter at that moment.
	rotated int

	kills, survived, interrupted, lost int
	// unwritten are those of the lost whose answer had arrived, but was not
	// whole in the new file.
	unwritten int
}

func newCrashes(t *testing.T) *crashes {
	idp := quick(t)
	k := desktop.Keyring(t, desktop.Bus(t))
	c := &crashes{t: t, idp: idp, env: k.Env(), o: options(t, idp)}
	p := start(t, c.env, c.o)
	p.signIn(idp)
	p.kill()
	return c
}

// next starts an agent with a living session.
func (c *crashes) next() *process {
	c.t.Helper()
	p := start(c.t, c.env, c.o)
	a := p.state(authcore.SignedIn)
	c.token, c.rotated = a.Token, c.idp.Stats().Outcomes["refreshed"]
	return p
}

// judge looks at what a kill left, and leaves a living session. what says where
// the kill was.
func (c *crashes) judge(what string, killed *process) {
	t := c.t
	t.Helper()
	c.kills++
	// What the agent told before it died was on disk before it told it.
	renewals := 0
	for {
		a, err := killed.receive()
		if err != nil {
			break
		}
		if a.Token != "" && a.Token != c.token {
			renewals, c.token = renewals+1, a.Token
		}
	}

	_, err := os.Lstat(filepath.Join(c.o.Dir, "vault.new"))
	brokenOff := err == nil
	p := start(t, c.env, c.o)
	defer p.kill()
	loaded := p.state(authcore.SignedIn)
	disk := p.disk() // fails the test unless the vault is whole
	if len(disk.Accounts) != 1 || disk.Accounts[0].Username != person || disk.Accounts[0].RefreshToken == "" {
		t.Fatalf("%s: the vault is whole but holds %+v", what, disk)
	}
	onDisk := disk.Accounts[0]
	if onDisk.AccessToken != c.token {
		renewals++ // saved, and killed before it could tell
	}
	if !onDisk.RenewalStarted.IsZero() {
		c.interrupted++
	}
	if loaded.Token != onDisk.AccessToken {
		t.Errorf("%s: the agent did not load what is on disk", what)
	}

	// The request of the dead agent has long been answered: the provider's
	// counter says whether one rotation more happened than reached the disk.
	rotated := c.idp.Stats().Outcomes["refreshed"] - c.rotated
	lost := rotated - renewals
	a := p.ask(command{Renew: true})
	switch {
	case lost == 0:
		c.survived++
		if a.account().State != authcore.SignedIn || a.problem() != "" || a.Token == onDisk.AccessToken {
			t.Errorf("%s: nothing was lost, but the account is %s, %v", what, a.account().State, a.account().Problem)
		}
	case lost == 1:
		c.lost++
		if brokenOff {
			c.unwritten++
		}
		if a.account().State != authcore.NeedsSignIn || a.problem() != authcore.ProblemRenewalInterrupted {
			t.Errorf("%s: the rotated token never arrived, but the account is %s, %v", what, a.account().State, a.account().Problem)
		}
		if a.Token != onDisk.AccessToken {
			t.Errorf("%s: the access token, which lives on, is no longer handed out", what)
		}
	default:
		t.Errorf("%s: %d rotations, %d of them on disk", what, rotated, renewals)
	}
	if a.account().State != authcore.SignedIn {
		p.signIn(c.idp)
	}
}

func (c *crashes) report() {
	c.t.Logf("%d kills: %d sessions survived, %d lost because the server had rotated and the new token did not reach the disk (%d of them in the moment of writing it); %d kills were in a renewal",
		c.kills, c.survived, c.lost, c.unwritten, c.interrupted)
}

// A renewal writes twice, each time a new file that is renamed over the old
// one: that a request is about to be sent, and what it brought. A new file that
// was written whole counts, wherever the kill was.
func TestAKillAtEveryWriteStepLeavesAWholeVault(t *testing.T) {
	t.Parallel()
	c := newCrashes(t)
	for write := 1; write <= 2; write++ {
		for _, step := range []struct {
			name, file string
			event      uint32
		}{
			{"after making the new file", "vault.new", unix.IN_CREATE},
			{"after writing the new file", "vault.new", unix.IN_MODIFY},
			{"after closing the new file, which is on the disk", "vault.new", unix.IN_CLOSE_WRITE},
			{"after the rename", "vault", unix.IN_MOVED_TO},
		} {
			what := fmt.Sprintf("write %d, %s", write, step.name)
			before := c.survived
			p := c.next()
			at := watch(t, c.o.Dir, step.file, step.event, write)
			p.send(command{Renew: true})
			select {
			case <-at:
			case <-time.After(patience):
				t.Fatalf("%s: it never came", what)
			}
			p.kill()
			c.judge(what, p)
			t.Logf("%s: survived %v", what, c.survived > before)
			if write == 2 && step.event != unix.IN_CREATE && c.survived == before {
				t.Errorf("%s: lost, although the answer had arrived and was written", what)
			}
		}
	}
	c.report()
	// Before the request is sent nothing can be lost.
	if c.survived < 3 {
		t.Errorf("only %d of the kills before the request were survived", c.survived)
	}
}

// watch says when a file has met an event for the n-th time.
func watch(t *testing.T, dir, file string, event uint32, n int) <-chan struct{} {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	t.Cleanup(func() { f.Close() })
	if _, err := unix.InotifyAddWatch(fd, dir, event); err != nil {
		t.Fatal(err)
	}
	met := make(chan struct{})
	go func() {
		buf := make([]byte, 4096)
		for {
			read, err := f.Read(buf)
			if err != nil {
				return
			}
			for b := buf[:read]; len(b) >= unix.SizeofInotifyEvent; {
				size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
				name := string(bytes.TrimRight(b[unix.SizeofInotifyEvent:size], "\x00"))
				b = b[size:]
				if name == file {
					if n--; n == 0 {
						close(met)
						return
					}
				}
			}
		}
	}()
	return met
}

// Kills at any time while an agent renews again and again. Each lane is a
// session of its own, so that one signs in while another is killed.
func TestRandomKillsLeaveAWholeVault(t *testing.T) {
	lanes, kills := 3, 20
	if full {
		lanes, kills = 5, 200
	}
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	for lane := range lanes {
		t.Run(fmt.Sprint("lane ", lane), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, uint64(lane)))
			c := newCrashes(t)
			for i := range kills {
				p := c.next()
				p.send(command{Renew: true, For: time.Hour})
				// A renewal takes some 20 ms: the kill falls anywhere into the first few.
				time.Sleep(time.Duration(random.Int64N(int64(80 * time.Millisecond))))
				p.kill()
				c.judge(fmt.Sprintf("kill %d", i), p)
				if t.Failed() {
					break
				}
			}
			c.report()
			if c.survived == 0 || c.interrupted == 0 {
				t.Error("the kills did not meet what they were meant to meet")
			}
			if left, _ := filepath.Glob(filepath.Join(c.o.Dir, "vault-unreadable-*")); left != nil {
				t.Errorf("a vault was taken for damaged: %s", left)
			}
		})
	}
}

// The provider rotates and its answer is lost on the way: nothing can save the
// session, and the person is told just that.
func TestALostAnswerIsToldPlainly(t *testing.T) {
	t.Parallel()
	c := newCrashes(t)
	p := c.next()
	c.idp.Fault(provider.Fault{Kind: provider.DropAfter, Server: "issuer", Grant: "refresh_token", Times: 1})
	p.do(authcore.CommandRenew)
	p.state(authcore.Offline)
	p.kill()
	c.judge("a lost answer and a kill", p)
	if c.lost != 1 {
		t.Error("the session was not lost")
	}

	// The same without a kill: the next try finds out.
	p = c.next()
	c.idp.Fault(provider.Fault{Kind: provider.DropAfter, Server: "issuer", Grant: "refresh_token", Times: 1})
	p.do(authcore.CommandRenew)
	p.state(authcore.Offline)
	p.ask(command{Nudge: true})
	a := p.state(authcore.NeedsSignIn)
	if a.problem() != authcore.ProblemRenewalInterrupted || a.Token != c.token {
		t.Errorf("account = %+v", a.account())
	}
	p.signIn(c.idp)
}
