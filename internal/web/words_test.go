package web_test

import (
	"testing"

	"github.com/zhanggui/zhanggui/internal/web"
)

func TestSentence(t *testing.T) {
	for _, tt := range []struct{ clause, stop, want string }{
		{"the code was used", ".", "The code was used."},
		{"The code was used.", ".", "The code was used."},
		{"验证码已使用", "。", "验证码已使用。"},
		{"", ".", ""},
		{"a", ".", "A."},
	} {
		if got := web.Sentence(tt.clause, tt.stop); got != tt.want {
			t.Errorf("Sentence(%q) = %q, want %q", tt.clause, got, tt.want)
		}
	}
}
