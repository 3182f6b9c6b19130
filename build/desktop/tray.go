package desktop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// Tray is what a panel knows of one program's tray icon, read over D-Bus as a
// panel reads it (StatusNotifierItem and com.canonical.dbusmenu).
type Tray struct {
	d    *Desktop
	name string
}

// Pixmap is a picture of an icon: ARGB, 8 bits each, row by row.
type Pixmap struct {
	Width, Height int32
	Pixels        []byte
}

// MenuItem is one line of a tray menu.
type MenuItem struct {
	ID        int32
	Label     string
	Enabled   bool
	Visible   bool
	Separator bool
	Checked   bool
	Items     []MenuItem
}

// Tray waits until the program with that process ID shows a tray icon: until
// its item is on the bus.
func (d *Desktop) Tray(ctx context.Context, pid int, limit time.Duration) (*Tray, error) {
	t := &Tray{d: d, name: fmt.Sprintf("org.kde.StatusNotifierItem-%d-1", pid)}
	err := Until(ctx, limit, fmt.Sprintf("the tray item of process %d", pid), func() error {
		_, err := t.Menu(ctx)
		return err
	})
	return t, err
}

// BusName is the item's name on the session bus.
func (t *Tray) BusName() string { return t.name }

// Registered reports whether the panel shows the item: whether the watcher
// lists it. The error is that of a desktop without a panel.
func (t *Tray) Registered(ctx context.Context) (bool, error) {
	var owner string
	if err := t.d.bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, t.name).Store(&owner); err != nil {
		return false, err
	}
	v, err := property(ctx, t.d.bus.Object(watcher, "/StatusNotifierWatcher"), watcher+".RegisteredStatusNotifierItems")
	if err != nil {
		return false, err
	}
	items, _ := v.Value().([]string)
	return slices.ContainsFunc(items, func(item string) bool {
		// Watchers write the bus name or the connection, then the object's path.
		return strings.HasPrefix(item, t.name) || strings.HasPrefix(item, owner+"/") || item == owner
	}), nil
}

func (t *Tray) item() dbus.BusObject { return t.d.bus.Object(t.name, "/StatusNotifierItem") }
func (t *Tray) menu() dbus.BusObject { return t.d.bus.Object(t.name, "/StatusNotifierItem/menu") }

// Icon returns the item's pictures.
func (t *Tray) Icon(ctx context.Context) ([]Pixmap, error) {
	v, err := property(ctx, t.item(), "org.kde.StatusNotifierItem.IconPixmap")
	if err != nil {
		return nil, err
	}
	var pictures []Pixmap
	return pictures, v.Store(&pictures)
}

// Tooltip returns the title of the item's tooltip.
func (t *Tray) Tooltip(ctx context.Context) (string, error) {
	v, err := property(ctx, t.item(), "org.kde.StatusNotifierItem.ToolTip")
	if err != nil {
		return "", err
	}
	var tip struct {
		Icon        string
		Pictures    []Pixmap
		Title, Text string
	}
	return tip.Title, v.Store(&tip)
}

// Menu returns the menu's visible lines as a panel would show them now.
func (t *Tray) Menu(ctx context.Context) ([]MenuItem, error) {
	type node struct {
		ID         int32
		Properties map[string]dbus.Variant
		Children   []dbus.Variant
	}
	var root node
	// The first answer after a rebuild holds the top level only, so ask twice.
	for range 2 {
		var revision uint32
		root = node{}
		err := t.menu().CallWithContext(ctx, "com.canonical.dbusmenu.GetLayout", 0, int32(0), int32(-1), []string{}).Store(&revision, &root)
		if err != nil {
			return nil, err
		}
	}
	var items func(children []dbus.Variant) ([]MenuItem, error)
	items = func(children []dbus.Variant) ([]MenuItem, error) {
		var out []MenuItem
		for _, child := range children {
			var n node
			if err := child.Store(&n); err != nil {
				return nil, err
			}
			below, err := items(n.Children)
			if err != nil {
				return nil, err
			}
			text := func(name string) string { s, _ := n.Properties[name].Value().(string); return s }
			flag := func(name string) bool {
				// Both are true by default (dbusmenu's specification).
				b, ok := n.Properties[name].Value().(bool)
				return b || !ok
			}
			toggle, _ := n.Properties["toggle-state"].Value().(int32)
			item := MenuItem{
				ID: n.ID, Label: text("label"), Enabled: flag("enabled"), Visible: flag("visible"),
				Separator: text("type") == "separator", Checked: toggle == 1, Items: below,
			}
			if item.Visible {
				out = append(out, item)
			}
		}
		return out, nil
	}
	return items(root.Children)
}

// errNoItem says that no line has the wanted label.
var errNoItem = errors.New("the tray menu has no such line")

// Item returns the first line with that label, also from a submenu.
func (t *Tray) Item(ctx context.Context, label string) (MenuItem, error) {
	menu, err := t.Menu(ctx)
	if err != nil {
		return MenuItem{}, err
	}
	var find func([]MenuItem) (MenuItem, bool)
	find = func(items []MenuItem) (MenuItem, bool) {
		for _, i := range items {
			if i.Label == label {
				return i, true
			}
			if below, ok := find(i.Items); ok {
				return below, true
			}
		}
		return MenuItem{}, false
	}
	if item, ok := find(menu); ok {
		return item, nil
	}
	return MenuItem{}, fmt.Errorf("%w: %q is not among\n%s", errNoItem, label, MenuText(menu))
}

// Click sends the click that a panel sends. It works on disabled lines as well,
// because some panels deliver those clicks too.
func (t *Tray) Click(ctx context.Context, label string) error {
	// A line's ID changes with every rebuild, so it is looked up just before.
	item, err := t.Item(ctx, label)
	if err != nil {
		return err
	}
	return t.Press(ctx, item)
}

// Press is Click on a line that was just looked up.
func (t *Tray) Press(ctx context.Context, item MenuItem) error {
	err := t.menu().CallWithContext(ctx, "com.canonical.dbusmenu.Event", 0, item.ID, "clicked", dbus.MakeVariant(""), uint32(0)).Err
	var fault dbus.Error
	if errors.As(err, &fault) && fault.Name == "org.freedesktop.DBus.Error.NoReply" {
		return nil // a program that was told to quit may be gone before it answers
	}
	return err
}

// property reads one property, in the time that ctx allows (godbus's own
// GetProperty takes no context).
func property(ctx context.Context, o dbus.BusObject, name string) (dbus.Variant, error) {
	dot := strings.LastIndexByte(name, '.')
	var v dbus.Variant
	err := o.CallWithContext(ctx, "org.freedesktop.DBus.Properties.Get", 0, name[:dot], name[dot+1:]).Store(&v)
	return v, err
}

// MenuText prints a menu for people: one line each, disabled ones in brackets.
func MenuText(items []MenuItem) string {
	var b strings.Builder
	var print func(items []MenuItem, indent string)
	print = func(items []MenuItem, indent string) {
		for _, i := range items {
			switch {
			case i.Separator:
				fmt.Fprintf(&b, "%s────\n", indent)
			case !i.Enabled:
				fmt.Fprintf(&b, "%s(%s)\n", indent, i.Label)
			default:
				fmt.Fprintf(&b, "%s%s\n", indent, i.Label)
			}
			print(i.Items, indent+"    ")
		}
	}
	print(items, "")
	return b.String()
}
