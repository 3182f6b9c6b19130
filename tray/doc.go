// Package tray is the resident's side of the desktop: the icon and its menu,
// notifications, and the launcher of the window.
//
// The menu, the tooltip and the picture are functions of one authcore.Snapshot
// (Menu, Tooltip, Status). Run draws them and touches the desktop only where
// their text has changed; a click is sent on as an authcore.Command.
//
// It uses fyne.io/systray directly and never starts Fyne, so that it needs no
// OpenGL. It holds no secret and decides nothing about sessions.
package tray
