// Command prove checks what a kept demo left, independently of the program that
// played it:
//
//	zhanggui demo --once --keep DIR
//	prove DIR
//
// It prints one line for each finding and exits 0 if there is none, 1 if there
// is one, 2 if DIR could not be read.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/zhanggui/zhanggui/internal/proof"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("prove", flag.ContinueOnError)
	flags.SetOutput(problems)
	asJSON := flags.Bool("json", false, "print the report as JSON")
	flags.Usage = func() {
		fmt.Fprintln(problems, "usage: prove [-json] DIR\nDIR is what \"zhanggui demo --once --keep DIR\" left, for example: prove ./story")
	}
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		if err == nil {
			flags.Usage()
		}
		return 2
	}
	r, err := proof.Check(flags.Arg(0))
	if err != nil {
		fmt.Fprintln(problems, err)
		return 2
	}
	if *asJSON {
		err = json.NewEncoder(out).Encode(r)
	} else {
		err = show(out, r)
	}
	switch {
	case err != nil:
		fmt.Fprintln(problems, err)
		return 2
	case !r.OK():
		return 1
	}
	return 0
}

func show(out io.Writer, r proof.Report) error {
	for _, s := range r.Held {
		if _, err := fmt.Fprintf(out, "holds      %s\n", s); err != nil {
			return err
		}
	}
	for _, f := range r.Findings {
		if _, err := fmt.Fprintf(out, "FINDING    %s: %s\n", f.Step, f.What); err != nil {
			return err
		}
	}
	for _, s := range r.Unplayed {
		if _, err := fmt.Fprintf(out, "not played %s\n", s); err != nil {
			return err
		}
	}
	return nil
}
