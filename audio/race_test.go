//go:build race

package audio

const underRace = true
