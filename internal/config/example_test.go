package config_test

import (
	"fmt"

	"github.com/zhanggui/zhanggui/internal/config"
)

func ExampleLoad() {
	c, err := config.Load(config.Source{
		File:    "zhanggui.yaml",
		Data:    []byte("public_url: https://zhanggui.example.com\ntrusted_proxies: [127.0.0.1/32]\n"),
		Environ: []string{"ZHANGGUI_SESSION_IDLE=24h"},
		Flags:   map[string]string{"listen": "127.0.0.1:8081"},
	})
	fmt.Println(c.PublicURL, c.Listen, c.Session.Idle, c.Loopback, err)
	// Output: https://zhanggui.example.com 127.0.0.1:8081 24h0m0s false <nil>
}

func ExampleProblems() {
	_, err := config.Load(config.Source{File: "zhanggui.yaml", Data: []byte("listne: 127.0.0.1:8080\nlog:\n  level: loud\n")})
	fmt.Println(err)
	// Output:
	// config: 2 problem(s) to mend:
	//   zhanggui.yaml:1: has an unknown key "listne"; did you mean "listen"?
	//   zhanggui.yaml:3: log.level is not a log level; write debug, info, warn or error
}
