package desktop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/godbus/dbus/v5"
)

// startX starts the X server on a display number of its own choice.
func (d *Desktop) startX(ctx context.Context) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	size := fmt.Sprintf("%dx%dx24", d.options.Width, d.options.Height)
	argv := []string{"Xvfb", "-displayfd", "3", "-screen", "0", size, "-nolisten", "tcp", "-noreset"}
	if d.options.NoOpenGL {
		argv = append(argv, "-extension", "GLX")
	}
	p, err := d.run("xvfb", argv,
		func(cmd *exec.Cmd) { cmd.ExtraFiles = []*os.File{w} })
	_ = w.Close()
	if err != nil {
		return err
	}
	// The server writes the number and a newline when it accepts clients.
	if err := r.SetReadDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	number, err := bufio.NewReader(r).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the X server did not come up: %w", errors.Join(err, p.alive()))
	}
	d.display = ":" + strings.TrimSpace(number)
	return d.paintBackground(ctx)
}

// paintBackground gives the screen the colour of an ordinary desktop, so that
// black windows and black icons can be told from it in a screenshot.
func (d *Desktop) paintBackground(ctx context.Context) error {
	colour := "#5b7083"
	if d.options.Dark {
		colour = "#22303c"
	}
	_, err := d.output(ctx, "xsetroot", "-solid", colour)
	return err
}

func (d *Desktop) busAddress() string { return "unix:path=" + filepath.Join(d.dir, "run", "bus") }

// startBus starts a session bus that starts no service by itself: only what
// this package started is there.
func (d *Desktop) startBus(ctx context.Context) error {
	config := filepath.Join(d.dir, "bus.conf")
	err := os.WriteFile(config, []byte(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <keep_umask/>
  <listen>`+d.busAddress()+`</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`), 0o600)
	if err != nil {
		return err
	}
	p, err := d.run("bus", []string{"dbus-daemon", "--config-file=" + config, "--nofork", "--nopidfile"}, nil)
	if err != nil {
		return err
	}
	return Until(ctx, startLimit, "the session bus", func() error {
		conn, err := dbus.Connect(d.busAddress())
		if err != nil {
			return errors.Join(err, p.alive())
		}
		d.bus = conn
		return nil
	})
}

// BusConn is a connection of the desktop's own to its session bus. It is closed
// by Stop.
func (d *Desktop) BusConn() *dbus.Conn { return d.bus }

// SendSignal sends a signal to one connection alone, as services do that answer
// one client.
func (d *Desktop) SendSignal(ctx context.Context, to string, path dbus.ObjectPath, iface, member string, values ...any) error {
	// The bus refuses a signal to a name that nobody owns, and says so to nobody.
	var owner string
	if err := d.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, to).Store(&owner); err != nil {
		return err
	}
	message := &dbus.Message{
		Type: dbus.TypeSignal,
		Headers: map[dbus.HeaderField]dbus.Variant{
			dbus.FieldDestination: dbus.MakeVariant(owner),
			dbus.FieldPath:        dbus.MakeVariant(path),
			dbus.FieldInterface:   dbus.MakeVariant(iface),
			dbus.FieldMember:      dbus.MakeVariant(member),
			dbus.FieldSignature:   dbus.MakeVariant(dbus.SignatureOf(values...)),
		},
		Body: values,
	}
	return d.bus.Send(message, nil).Err
}

// owned waits until somebody owns a name on the bus.
func (d *Desktop) owned(ctx context.Context, name string, by *process) error {
	return Until(ctx, startLimit, name+" on the session bus", func() error {
		if err := by.alive(); err != nil {
			return err
		}
		var has bool
		if err := d.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, name).Store(&has); err != nil {
			return err
		}
		if !has {
			return errors.New("nobody owns the name")
		}
		return nil
	})
}

// startKeyring starts a Secret Service with an empty, unlocked collection.
func (d *Desktop) startKeyring(ctx context.Context) error {
	if d.options.NoKeyring {
		return nil
	}
	_, err := d.runKeyring(ctx, true)
	return err
}

func (d *Desktop) startWindowManager(ctx context.Context) error {
	p, err := d.run("openbox", []string{"openbox", "--sm-disable"}, nil)
	if err != nil {
		return err
	}
	return Until(ctx, startLimit, "the window manager", func() error {
		if err := p.alive(); err != nil {
			return err
		}
		out, err := d.output(ctx, "xprop", "-root", "_NET_SUPPORTING_WM_CHECK")
		if err == nil && !strings.Contains(out, "window id") {
			err = errors.New(strings.TrimSpace(out))
		}
		return err
	})
}

// panelHeight in pixels for a scale of 1.
const panelHeight = 32

// panelSettings puts one panel along the bottom: the windows on the left, the
// tray on the right.
var panelSettings = template.Must(template.New("").Parse(`<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array"><value type="int" value="1"/>
    <property name="dark-mode" type="bool" value="{{.Dark}}"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=10;x={{.X}};y={{.Y}}"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="{{.Height}}"/>
      <property name="icon-size" type="uint" value="0"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/><value type="int" value="2"/><value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="tasklist"/>
    <property name="plugin-2" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-3" type="string" value="systray">
      <property name="square-icons" type="bool" value="true"/>
      <property name="known-legacy-items" type="array"/>
    </property>
  </property>
</channel>
`))

const watcher = "org.kde.StatusNotifierWatcher"

// StartPanel starts the panel and with it the tray, and returns when the tray
// accepts icons. A running panel is left alone.
func (d *Desktop) StartPanel(ctx context.Context) error {
	if d.panel != nil {
		return nil
	}
	if d.xfconfd == nil {
		folder := filepath.Join(d.ConfigHome(), "xfce4", "xfconf", "xfce-perchannel-xml")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return err
		}
		var settings bytes.Buffer
		height := panelHeight * d.options.Scale
		if err := panelSettings.Execute(&settings, map[string]any{
			"X": d.options.Width / 2, "Y": d.options.Height - height/2, "Height": height, "Dark": d.options.Dark,
		}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "xfce4-panel.xml"), settings.Bytes(), 0o600); err != nil {
			return err
		}
		p, err := d.run("xfconfd", []string{xfconfd()}, nil)
		if err != nil {
			return err
		}
		if err := d.owned(ctx, "org.xfce.Xfconf", p); err != nil {
			return err
		}
		d.xfconfd = p
	}
	p, err := d.run("panel", []string{"xfce4-panel", "--disable-wm-check"}, nil)
	if err != nil {
		return err
	}
	d.panel = p
	return d.owned(ctx, watcher, p)
}

// StopPanel ends the panel and returns when the tray is gone.
func (d *Desktop) StopPanel(ctx context.Context) error {
	if d.panel == nil {
		return nil
	}
	d.panel.stop()
	d.panel = nil
	return Until(ctx, startLimit, "the tray to go", func() error {
		var has bool
		if err := d.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, watcher).Store(&has); err != nil {
			return err
		}
		if has {
			return errors.New("it is still there")
		}
		return nil
	})
}

// output runs a program of the desktop's and returns what it printed.
func (d *Desktop) output(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = d.Env()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out), fmt.Errorf("%s: %w %s", strings.Join(argv, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return string(out), nil
}
