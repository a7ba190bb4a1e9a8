// Command zhanggui keeps the keys of WeChat Stores (微信小店). Run it with
// --help for its commands; each has a file of its own in this directory.
//
// It exits with 0 when a command did what it says, 1 when it failed, and 2 when
// it was called in a way it does not understand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // WeChat's days are Chinese days, also where the system knows no time zones

	"github.com/alecthomas/kong"

	"github.com/zhanggui/zhanggui"
)

// version is set by the linker for releases.
var version = zhanggui.Version

// cli is the table of commands.
type cli struct {
	Demo    demoCmd    `cmd:"" help:"Play the whole story on this machine, with an emulated WeChat."`
	Serve   serveCmd   `cmd:"" help:"Run the server."`
	Sandbox sandboxCmd `cmd:"" help:"Run the WeChat emulator alone."`

	Apply  applyCmd  `cmd:"" help:"Make apps, tenants, shops and clients as a file declares them."`
	Tenant tenantCmd `cmd:"" help:"List, make and remove tenants."`
	Shop   shopCmd   `cmd:"" help:"List shops and where their grants stand; make, change, move and remove them."`
	App    appCmd    `cmd:"" help:"List apps, and remove them."`
	Invite inviteCmd `cmd:"" help:"Invite people and confirm who came."`
	People peopleCmd `cmd:"" help:"Hand over ownership, see who looked in, take in moved openids."`
	Client clientCmd `cmd:"" help:"List, make and end clients."`
	Grant  grantCmd  `cmd:"" help:"List and revoke grants."`
	Token  tokenCmd  `cmd:"" help:"Tell where a shop's token stands and whether somebody else refreshes it; end every token that is out."`
	Call   callCmd   `cmd:"" help:"Call a shop API."`

	Quota quotaCmd `cmd:"" help:"Show what is left of what WeChat lets a shop call today."`
	Radar radarCmd `cmd:"" help:"Show what WeChat announced of its APIs, and which clients it concerns."`

	Doctor        doctorCmd  `cmd:"" help:"Find out what does not work, and explain what WeChat answered."`
	SupportBundle supportCmd `cmd:"" help:"Write an archive for whoever helps from afar, without secrets."`

	Platform  platformCmd  `cmd:"" help:"List third-party platforms, and link accounts to them."`
	Reconcile reconcileCmd `cmd:"" help:"Compare a platform's shops with WeChat's list."`
	Import    importCmd    `cmd:"" help:"Take a platform's accounts over from another system."`
	Export    exportCmd    `cmd:"" help:"Give a platform's accounts back, sealed."`

	Session      sessionCmd      `cmd:"" help:"List and end sessions."`
	Admin        adminCmd        `cmd:"" help:"List, make and end administrators."`
	Clock        clockCmd        `cmd:"" help:"Show what is known of the server's clock, and accept it."`
	Channel      channelCmd      `cmd:"" help:"Make, list and try the places that messages go to."`
	Alert        alertCmd        `cmd:"" help:"List what is wrong, and the rules of what is told."`
	Silence      silenceCmd      `cmd:"" help:"Keep messages back for a while."`
	Notice       noticeCmd       `cmd:"" help:"List what humans are told, and try the channels."`
	Subscription subscriptionCmd `cmd:"" help:"Say who hears of which events, and send again what was given up."`
	Review       reviewCmd       `cmd:"" help:"Report who may do what, and sign it."`
	Audit        auditCmd        `cmd:"" help:"Read and verify the audit log."`
	Store        storeCmd        `cmd:"" help:"Copy the store to another database."`
	Rotate       rotateCmd       `cmd:"" help:"Replace a secret or a key without a gap."`
	Key          keyCmd          `cmd:"" help:"List and rotate the keys that seal what is kept."`
	Config       configCmd       `cmd:"" help:"Check and show the configuration."`
	Completion   completionCmd   `cmd:"" help:"Print a script that completes commands, shops and paths."`
	Version      versionCmd      `cmd:"" help:"Print the version."`

	Suggest suggestCmd `cmd:"" hidden:"" help:"Complete the last word of a command line."`
	Chaos   chaosCmd   `cmd:"" hidden:"" help:"Break things and see whether every token is kept."`
}

// console is where a command reads and writes; tests give their own.
type console struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], console{os.Stdin, os.Stdout, os.Stderr}))
}

// usageError is a call that kong let through and we do not understand.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

// run is main without the process around it.
func run(ctx context.Context, args []string, c console) int {
	exit := -1
	parser, err := kong.New(&cli{},
		kong.Name("zhanggui"),
		kong.Description("Zhanggui 掌柜 keeps the keys of WeChat Stores (微信小店)."),
		kong.UsageOnError(),
		kong.Writers(c.out, c.err),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(c),
	)
	if err != nil {
		panic(err) // the table above is wrong: a mistake of ours
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		fmt.Fprintf(c.err, "zhanggui: %v\nRun zhanggui --help to see how it is used.\n", err)
		return 2
	}
	err = parsed.Run()
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(c.err, "zhanggui: %v\n", usage)
		return 2
	}
	if err != nil {
		fmt.Fprintf(c.err, "zhanggui: %v\n", err)
		return 1
	}
	return 0
}

// versionCmd prints the version.
type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run(c console) error {
	fmt.Fprintln(c.out, "zhanggui", version)
	return nil
}
