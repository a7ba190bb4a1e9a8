package gateway

import "sync"

// What answers pass through. The beginning of each is looked at in a small buffer,
// which holds most answers whole. The rest of one that is announced to be longer
// passes through a large one: fewer and larger pieces are fewer system calls. Its
// size is what stays in a processor's cache and still saves most of them.
const (
	bufferSize     = readSize // what a transport has at once
	longBufferSize = 64 << 10
)

var (
	buffers     pool[[bufferSize]byte]
	longBuffers pool[[longBufferSize]byte]
)

// pool keeps arrays for another use. They are kept as pointers, so that putting one
// back allocates nothing.
type pool[Array any] struct{ kept sync.Pool }

func (p *pool[Array]) get() *Array {
	if b, ok := p.kept.Get().(*Array); ok {
		return b
	}
	return new(Array)
}

func (p *pool[Array]) put(b *Array) { p.kept.Put(b) }
