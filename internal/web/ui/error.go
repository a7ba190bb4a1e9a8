package ui

import (
	"cmp"

	"github.com/zhanggui/zhanggui/internal/web"
)

// spoken are an error's words in one language.
type spoken struct{ what, next, link string }

// speech gives e's words in lang, and those of the other language where lang
// has none.
func speech(e *web.Error, lang string) spoken {
	if lang == langEN {
		return spoken{cmp.Or(e.EN, e.ZH), cmp.Or(e.NextEN, e.NextZH), cmp.Or(e.LinkEN, e.LinkZH, e.Link)}
	}
	return spoken{cmp.Or(e.ZH, e.EN), cmp.Or(e.NextZH, e.NextEN), cmp.Or(e.LinkZH, e.LinkEN, e.Link)}
}
