package audio

// layer3Codec decodes MPEG-1 layer III with go-mp3.
type layer3Codec struct {
	*framer
	l3     layer3
	second int   // whose frame in the seek table comes next
	number int64 // of the frame that is decoded next
	buf    [frameBytes]byte
}

// layer3PreRoll is how many frames before the wanted one hold any bit reservoir it
// may need: 511 bytes; the shortest frames add 58 each.
const layer3PreRoll = 10

func (d *layer3Codec) seek(n int64) (err error) {
	want := d.of(n)
	d.second, err = d.framer.seek(max(0, want-layer3PreRoll))
	d.number = max(d.coming, want-1)
	d.l3.reset()
	return err
}

func (d *layer3Codec) decode() (at int64, pcm []byte, err error) {
	if err := d.load(); err != nil {
		return 0, nil, err
	}
	// What is broken is silence: the sound goes on behind it.
	_ = d.l3.decode(d.buf[:])
	d.number++
	return d.at(d.number - 1), d.buf[:], nil
}

// load reads the frame that is decoded next, and the one behind it.
func (d *layer3Codec) load() error {
	for d.coming <= min(d.number+1, d.last) {
		b, err := d.next()
		if err == errEndsEarly && d.coming > d.number {
			return nil // the error is the next one's
		} else if err != nil {
			return err
		}
		anchor := false
		if d.coming == d.secondFrame(d.second) {
			anchor = d.coming > 0 // before the first frame there is nothing
			d.second++
		}
		if d.coming < d.number {
			d.l3.skip(b, anchor)
		} else {
			d.l3.load(b, anchor)
		}
		d.advance()
	}
	return nil
}
