package vault_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/zhanggui/zhanggui/internal/vault"
	"github.com/zhanggui/zhanggui/wechat/secret"
)

// A token is sealed for its row and its generation. Put back after the next
// generation took its place, it does not open.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "vault")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	kek, err := vault.FileKEK(filepath.Join(dir, "master.key"), true)
	if err != nil {
		panic(err)
	}
	v, wrapped, err := vault.Create(ctx, kek)
	if err != nil {
		panic(err)
	}
	sealed, err := v.Seal(secret.FromString("demo-token-0001"), vault.GrantAccess("g_0001", "self", 7))
	if err != nil {
		panic(err)
	}

	// After a restart: the wrapped keyset comes from the database.
	v, err = vault.Open(ctx, kek, wrapped)
	if err != nil {
		panic(err)
	}
	token, err := v.Open(sealed, vault.GrantAccess("g_0001", "self", 7))
	fmt.Println(token, token.Len(), err)
	_, err = v.Open(sealed, vault.GrantAccess("g_0001", "self", 8))
	fmt.Println(errors.Is(err, vault.ErrSealed))
	// Output:
	// [secret] 15 <nil>
	// true
}
