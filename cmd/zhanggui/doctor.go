package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/zhanggui/zhanggui/internal/adminapi"
	"github.com/zhanggui/zhanggui/internal/doctor"
	"github.com/zhanggui/zhanggui/internal/notice"
)

// doctorCmd finds out why something does not work.
type doctorCmd struct {
	remote
	Shop    string  `arg:"" optional:"" help:"Id of the shop; left out: the whole server."`
	Explain *string `help:"Explain this instead: an errcode, an errmsg, a whole answer of WeChat's, a URL or a rid. - reads it from the input." placeholder:"TEXT"`
	Lang    string  `help:"Language of the texts." enum:"en,zh" default:"en"`
	All     bool    `help:"Show the proof of what is well, too."`
}

// Help shows an example.
func (doctorCmd) Help() string {
	return "Each check says what is wrong, how that is known, what to do next and on which page. Nothing is changed. It exits with 1 when something is wrong; warnings alone do not count.\n\n" +
		"Examples:\n  zhanggui doctor\n  zhanggui doctor lantian\n  zhanggui doctor --explain 40164\n  zhanggui doctor lantian --explain 'invalid credential rid: 61725984-6126f6f9-040f19c4'"
}

// maxPaste bounds what is read of the input.
const maxPaste = 64 << 10

// errUnwell ends the command when something is wrong.
var errUnwell = errors.New("something is wrong; the findings say what to do next")

// Run implements the command.
func (d doctorCmd) Run(ctx context.Context, c console) error {
	if d.Explain != nil {
		return d.explain(ctx, c)
	}
	path := "/v1/doctor"
	if d.Shop != "" {
		path += "?shop=" + url.QueryEscape(d.Shop)
	}
	var v adminapi.ReportView
	if err := d.do(ctx, http.MethodPost, path, nil, &v); err != nil {
		return err
	}
	if d.JSON {
		if err := c.printJSON(v); err != nil {
			return err
		}
	} else {
		d.print(c, v.Findings)
		fmt.Fprintf(c.out, d.words().end, len(v.Findings), v.Millis, v.Asked)
	}
	if v.Verdict == string(doctor.Wrong) {
		return errUnwell
	}
	return nil
}

func (d doctorCmd) explain(ctx context.Context, c console) error {
	in := map[string]string{"text": *d.Explain, "shop": d.Shop}
	if *d.Explain == "-" {
		b, err := io.ReadAll(io.LimitReader(c.in, maxPaste))
		if err != nil {
			return fmt.Errorf("read the input: %w", err)
		}
		in["text"] = string(b)
	}
	if d.Shop == "" {
		delete(in, "shop")
	}
	var v adminapi.ExplanationView
	if err := d.do(ctx, http.MethodPost, "/v1/doctor/explain", in, &v); err != nil {
		return err
	}
	if d.JSON {
		return c.printJSON(v)
	}
	d.All = true
	d.print(c, v.Findings)
	return nil
}

// doctorWords are what stands around the texts of findings.
type doctorWords struct {
	verdicts              map[string]string
	seen, next, page, end string
}

var (
	doctorEN = doctorWords{seen: "seen", next: "next", page: "page", end: "\n%d checks in %d ms; calls to WeChat: %d\n",
		verdicts: map[string]string{"ok": "ok     ", "warning": "warning", "wrong": "wrong  ", "unknown": "unknown"}}
	doctorZH = doctorWords{seen: "所见", next: "下一步", page: "页面", end: "\n共 %d 项检查，用时 %d 毫秒，询问微信 %d 次\n",
		verdicts: map[string]string{"ok": "正常  ", "warning": "需留意", "wrong": "有问题", "unknown": "未知  "}}
)

func (d doctorCmd) words() doctorWords {
	if d.Lang == "zh" {
		return doctorZH
	}
	return doctorEN
}

// print writes findings for people: one line for what is well, more for the rest.
func (d doctorCmd) print(c console, all []adminapi.FindingView) {
	words := d.words()
	say := func(t notice.Text) string {
		if d.Lang == "zh" {
			return t.ZH
		}
		return t.EN
	}
	for _, f := range all {
		fmt.Fprintf(c.out, "%s  %s  %s: %s\n", words.verdicts[f.Verdict], f.Check, f.Subject, say(f.Cause))
		if f.Verdict == string(doctor.OK) && !d.All {
			continue
		}
		var proof []string
		for _, p := range f.Proof {
			proof = append(proof, p.Name+"="+p.Value)
		}
		for _, line := range [][2]string{{words.seen, strings.Join(proof, ", ")}, {words.next, say(f.Next)}, {words.page, f.Page}} {
			if line[1] != "" {
				fmt.Fprintf(c.out, "         %s: %s\n", line[0], line[1])
			}
		}
	}
}
