package policy

import "testing"

type item struct {
	place Place[*item]
	used  int64
	kept  bool
}

func (i *item) Place() *Place[*item] { return &i.place }
func (i *item) LastUse() int64       { return i.used }
func (i *item) Kept() bool           { return i.kept }

func TestTheLeastRecentlyUsedThatNothingKeepsGoesFirst(t *testing.T) {
	var o Order[*item]
	a, b, c, d := &item{used: 1}, &item{used: 2, kept: true}, &item{used: 3}, &item{used: 4}
	for _, i := range []*item{b, d} {
		o.Push(i)
	}
	o.Insert(c)
	o.Insert(a)
	for _, want := range []*item{a, c, d, nil} {
		got := o.Evict()
		if got != want {
			t.Fatalf("evicts %+v, want %+v", got, want)
		}
		if got != nil {
			o.Remove(got)
		}
	}
	b.kept = false
	if o.Evict() != b || o.Oldest() != b {
		t.Error("what is kept no more stays")
	}
}
