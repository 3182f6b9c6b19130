//go:build !race

package golden

// Slow is true under the race detector, where drawing is 15 times slower.
const Slow = false
