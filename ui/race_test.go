//go:build race

package ui

const underRaceDetector = true
