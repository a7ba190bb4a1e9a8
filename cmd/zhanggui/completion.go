package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/catalogue"
)

// completionCmd prints what makes a shell complete our words.
type completionCmd struct {
	Shell string `arg:"" help:"bash or zsh." enum:"bash,zsh"`
}

// Help shows examples.
func (completionCmd) Help() string {
	return "Completes commands, shops and WeChat's paths.\n\nExamples:\n  source <(zhanggui completion bash)\n  zhanggui completion zsh > ~/.zfunc/_zhanggui"
}

// bashScript asks the program itself for words. Bash breaks words at colons and
// equal signs, which none of ours have before the value of a flag.
const bashScript = `_zhanggui() {
	local IFS=$'\n'
	COMPREPLY=($(zhanggui suggest -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _zhanggui zhanggui
`

const zshScript = `#compdef zhanggui
_zhanggui() {
	local -a found
	found=("${(@f)$(zhanggui suggest -- "${words[@]:1:$((CURRENT-1))}" 2>/dev/null)}")
	compadd -a found
}
compdef _zhanggui zhanggui
`

// Run implements the command.
func (cc completionCmd) Run(c console) error {
	script := bashScript
	if cc.Shell == "zsh" {
		script = zshScript
	}
	_, err := fmt.Fprint(c.out, script)
	return err
}

// suggestCmd is what the scripts of completionCmd call.
type suggestCmd struct {
	remote
	Words []string `arg:"" optional:"" help:"The words of the command line so far; the last one is completed."`
}

// Help shows an example.
func (suggestCmd) Help() string { return "Example:\n  zhanggui suggest -- call lantian order/g" }

// suggestTime bounds how long somebody waits after pressing the key.
const suggestTime = 2 * time.Second

// Run implements the command. What cannot be found out is not suggested.
func (s suggestCmd) Run(ctx context.Context, c console, k *kong.Context) error {
	if len(s.Words) == 0 {
		s.Words = []string{""}
	}
	last := s.Words[len(s.Words)-1]
	for _, word := range s.words(ctx, k.Model.Node, s.Words[:len(s.Words)-1]) {
		if strings.HasPrefix(word, last) {
			fmt.Fprintln(c.out, word)
		}
	}
	return nil
}

// words gives what may stand behind the words before.
func (s suggestCmd) words(ctx context.Context, root *kong.Node, before []string) []string {
	if len(before) > 0 && before[0] == "call" {
		return s.forCall(ctx, before[1:])
	}
	node := root
	for _, word := range before {
		for _, child := range node.Children {
			if child.Name == word {
				node = child
				break
			}
		}
	}
	var names []string
	for _, child := range node.Children {
		if !child.Hidden {
			names = append(names, child.Name)
		}
	}
	return names
}

// forCall gives shops, and then paths: whole ones, and without the tree most are in.
func (s suggestCmd) forCall(ctx context.Context, before []string) []string {
	ctx, cancel := context.WithTimeout(ctx, suggestTime)
	defer cancel()
	var words []string
	switch len(before) {
	case 0:
		var shops items[adminapi.ShopView]
		if s.do(ctx, http.MethodGet, "/v1/shops", nil, &shops) != nil {
			return nil
		}
		for _, shop := range shops.Items {
			words = append(words, shop.ID)
		}
	case 1:
		for e := range catalogue.Default().All() {
			if e.Closed() {
				continue
			}
			words = append(words, e.Path)
			if rest, ok := strings.CutPrefix(e.Path, "/channels/ec/"); ok {
				words = append(words, rest)
			}
		}
	}
	return words
}
