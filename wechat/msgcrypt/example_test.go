package msgcrypt_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/zhanggui/zhanggui/wechat/event"
	"github.com/zhanggui/zhanggui/wechat/msgcrypt"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A handler answers the URL check and takes pushes. The real one deduplicates
// and commits before it answers success.
func Example() {
	keys, err := msgcrypt.NewKeyring(
		[]secret.Value{secret.FromString("a-token-nobody-uses")},
		[]secret.Value{secret.FromString("zhangguizhangguizhangguizhangguizhangguizhA")},
		"wx00000000000000a1")
	if err != nil {
		fmt.Println(err)
		return
	}
	clock := func() time.Time { return time.Unix(1772416800, 0) }
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := msgcrypt.QueryOf(r.URL.Query())
		if r.Method == http.MethodGet {
			if echo, err := keys.Echo(q); err == nil {
				io.WriteString(w, echo)
			}
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, msgcrypt.MaxBody))
		if err != nil {
			http.Error(w, "too large", http.StatusRequestEntityTooLarge)
			return
		}
		m, err := keys.Open(q, body)
		if err == nil {
			err = msgcrypt.Window{}.Check(m.Time, clock())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		e, err := event.Decode(m.Plain)
		fmt.Println(e.Name, string(e.Body), err)
		io.WriteString(w, "success")
	})

	q, body, err := keys.Seal(msgcrypt.Push{
		Dialect: msgcrypt.XML, AppID: "wx00000000000000a1", ToUserName: "gh_demo", Time: clock(),
		Plain: []byte("<xml><Event>channels_ec_order_new</Event><order_info><order_id>3705115058471208928</order_id></order_info></xml>"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, body := range []string{string(body), "<xml><Encrypt>bm9uc2Vuc2U=</Encrypt></xml>"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/push?"+q.Values().Encode(), strings.NewReader(body)))
		fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	}
	// Output:
	// channels_ec_order_new {"order_info":{"order_id":"3705115058471208928"}} <nil>
	// 200 success
	// 403 msgcrypt: the signature fits no token; compare the token here with the one in the console of the account
}
