package icons

import "embed"

//go:embed rendered/app.png rendered/*.ico
var rendered embed.FS

const trayExtension = ".ico"
