package localapi

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bitfount/bitfount-tray/authcore"
)

// pipes is a listener in memory, for tests in which time is not real: a
// goroutine that waits for a socket would keep synctest's clock from moving.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr {
	return &net.UnixAddr{Name: "pipes", Net: "unix"}
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.conns <- server
	return client, nil
}

func (p *pipes) client() *Client {
	return &Client{http.Client{Transport: &http.Transport{DialContext: p.dial, DisableKeepAlives: true}}}
}

func TestASilentStreamStaysOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResident()
		ln := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Serve(ctx, ln, r.backend()) }()
		began := time.Now()
		go func() {
			time.Sleep(24 * time.Hour)
			r.publish(&authcore.Snapshot{Sequence: 2})
		}()
		for update, err := range ln.client().Watch(ctx) {
			if err != nil {
				t.Fatalf("after %v: %v", time.Since(began), err)
			}
			if update.Snapshot.Sequence == 2 {
				break
			}
		}
		if time.Since(began) < 24*time.Hour {
			t.Errorf("the state came after %v", time.Since(began))
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestAClientGivesUpAResidentThatStoppedAnswering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipes()
		accepted := make(chan net.Conn, 1)
		go func() {
			conn, _ := ln.Accept()
			accepted <- conn
			_, _ = io.CopyN(io.Discard, conn, 10) // a process that was suspended
		}()
		began := time.Now()
		for _, err := range ln.client().Watch(t.Context()) {
			if !errors.Is(err, errSilent) {
				t.Errorf("it ended with %v", err)
			}
		}
		if took := time.Since(began); took != 3*keepAlive {
			t.Errorf("it ended after %v", took)
		}
		_ = (<-accepted).Close()
	})
}

func TestTheServerGivesUpAConnectionThatAsksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Serve(ctx, ln, newResident().backend()) }()
		conn, err := ln.dial(ctx, "", "")
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := io.ReadAll(conn); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != transferLimit {
			t.Errorf("it ended after %v", took)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestACommandThatTakesTooLongIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newResident()
		r.hold = make(chan struct{})
		ln := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Serve(ctx, ln, r.backend()) }()
		began := time.Now()
		var p *authcore.Problem
		err := ln.client().Do(ctx, authcore.Command{Name: authcore.CommandRenew})
		if !errors.As(err, &p) || p.Code != authcore.ProblemInternal || p.Cause != context.DeadlineExceeded.Error() {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != requestLimit {
			t.Errorf("it ended after %v", took)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestServeSaysThatItsListenerFailed(t *testing.T) {
	ln := newPipes()
	_ = ln.Close()
	if err := Serve(t.Context(), &brokenListener{ln}, newResident().backend()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// brokenListener may be closed twice, as a socket may.
type brokenListener struct{ *pipes }

func (*brokenListener) Close() error { return nil }
