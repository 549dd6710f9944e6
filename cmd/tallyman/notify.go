package main

import (
	"github.com/spf13/pflag"

	"github.com/tallyman-io/tallyman/internal/notify"
)

func notifyFlags(o *notify.Options, set *pflag.FlagSet) {
	set.BoolVar(&o.Loopback, "notify-loopback", false, "let notifications go to servers on this machine")
}
