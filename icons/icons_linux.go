package icons

import "embed"

//go:embed rendered/window.png rendered/attention.png rendered/expiring.png rendered/offline.png
//go:embed rendered/signed-in.png rendered/signed-out.png rendered/signing-in.png
//go:embed rendered/*-marked.png
var rendered embed.FS

const trayExtension = ".png"
