package secret_test

import (
	"fmt"

	"github.com/zhanggui/zhanggui/wechat/secret"
)

func Example() {
	token := secret.FromString("ACCESS-TOKEN-0001")
	fmt.Println(token)
	fmt.Printf("%+v\n", struct{ Token secret.Value }{token})
	fmt.Println(token.Len(), token.RevealString())
	// Output:
	// [secret]
	// {Token:[secret]}
	// 17 ACCESS-TOKEN-0001
}
