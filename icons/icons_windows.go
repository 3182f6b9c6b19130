package icons

import "embed"

//go:embed rendered/window.png rendered/*.ico
var rendered embed.FS

const trayExtension = ".ico"
