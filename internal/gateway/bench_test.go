package gateway

import "testing"

// BenchmarkTarget is what reading a request's target costs.
func BenchmarkTarget(b *testing.B) {
	u := mustURL(b, "/wx/lantian"+readPath+"?upload_type=0&access_token=x")
	for b.Loop() {
		if _, err := parseTarget(u); err != nil {
			b.Fatal(err)
		}
	}
}
