package tui

// list is a cursor in rows that may be more than the screen shows.
type list struct {
	cursor int
	top    int // the first row shown
}

// move moves the cursor by some rows of n.
func (l *list) move(by, n int) { l.cursor = max(0, min(n-1, l.cursor+by)) }

// window returns the rows that a height shows, so that the cursor is among
// them: first, and the one behind the last.
func (l *list) window(n, height int) (first, last int) {
	l.cursor = max(0, min(n-1, l.cursor))
	if l.cursor < l.top {
		l.top = l.cursor
	}
	if l.cursor >= l.top+height {
		l.top = l.cursor - height + 1
	}
	l.top = max(0, min(l.top, n-height))
	return l.top, min(n, l.top+height)
}

// key moves the cursor as a key says, of which those for pages move it by height, one row
// at the least; false where the key says nothing of it.
func (l *list) key(k string, n, height int) bool {
	height = max(height, 1)
	switch k {
	case "up", "k":
		l.move(-1, n)
	case "down", "j":
		l.move(1, n)
	case "pgup", "ctrl+b":
		l.move(-height, n)
	case "pgdown", "ctrl+f":
		l.move(height, n)
	case "ctrl+u":
		l.move(-(height+1)/2, n)
	case "ctrl+d":
		l.move((height+1)/2, n)
	case "home", "g":
		l.move(-n, n)
	case "end", "G":
		l.move(n, n)
	default:
		return false
	}
	return true
}
