package gateway

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestAnswersOfEachSizeArriveWhole: answers that fill the buffers just so, announced
// or not, arrive as they were sent.
func TestAnswersOfEachSizeArriveWhole(t *testing.T) {
	for _, size := range []int64{0, 1, bufferSize - 1, bufferSize, bufferSize + 1, longBufferSize, bufferSize + longBufferSize, 300_001} {
		for _, announced := range []bool{true, false} {
			t.Run(fmt.Sprint(size, announced), func(t *testing.T) {
				r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
					if announced {
						w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
					}
					_ = http.NewResponseController(w).Flush()
					_, _ = io.Copy(w, stuff(size))
				})
				a := r.do(t, "GET", writeKey, "/wx/lantian"+readPath, "")
				if a.StatusCode != 200 || sumOf(t, strings.NewReader(a.body)) != sumOf(t, stuff(size)) {
					t.Errorf("%d, %d bytes of %d, or others", a.StatusCode, len(a.body), size)
				}
				if announced != (a.ContentLength == size) && size > 0 {
					t.Errorf("the answer announces %d bytes", a.ContentLength)
				}
			})
		}
	}
}
