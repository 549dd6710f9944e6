package plan

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tallyman-io/tallyman/reconcile/model"
)

// misfit says what is different about a volume that exists, and how a person
// gives it other settings without losing what is in it. Settings are given to a
// volume when it is made, so nothing else would do it: the data is copied aside,
// the volume made anew, and the data copied back.
func misfit(want *model.Volume, live *model.VolumeState, owner model.Ownership) string {
	name, aside := want.HostName, want.HostName+"-aside"
	steps := []string{
		"docker volume create " + aside,
		copyVolume(name, aside),
		"docker volume rm " + name,
		"docker volume create" + settings(want) + labels(want, owner) + " " + name,
		copyVolume(aside, name),
	}
	return fmt.Sprintf("was made with other settings (%s), which only a new volume could have, and its data would not be in it: revert that, "+
		"or commit replicas: 0 for the services that mount it, then on the host run `%s`, and commit the replicas again",
		strings.Join(misfits(want, live), ", "), strings.Join(steps, " && "))
}

func copyVolume(from, to string) string {
	return fmt.Sprintf("docker run --rm -v %s:/from:ro -v %s:/to busybox cp -a /from/. /to/", from, to)
}

// misfits name what differs. The values of options are not shown: those of an
// older commit may hold a password.
func misfits(want *model.Volume, live *model.VolumeState) []string {
	var out []string
	if !live.Made(want.Driver, live.Options) {
		out = append(out, "driver "+live.Driver+" → "+want.Driver)
	}
	keys := slices.AppendSeq(slices.Collect(maps.Keys(want.Options)), maps.Keys(live.Options))
	slices.Sort(keys)
	for _, key := range slices.Compact(keys) {
		if w, wanted := want.Options[key]; !wanted || w != live.Options[key] {
			out = append(out, "option "+key)
		}
	}
	return out
}

// settings are the arguments that make a volume what is wanted.
func settings(v *model.Volume) string {
	var b strings.Builder
	if v.Driver != "" && v.Driver != model.LocalDriver {
		b.WriteString(" --driver " + quote(v.Driver))
	}
	for _, key := range slices.Sorted(maps.Keys(v.Options)) {
		value := v.Options[key]
		if secretive.MatchString(key + "=" + value) {
			value = "(as in the manifest)"
		}
		b.WriteString(" --opt " + quote(key+"="+value))
	}
	return b.String()
}

// secretive finds what may be a password among options.
var secretive = regexp.MustCompile(`(?i)(pass|secret|token|cred|key)[^,=]*=`)

// labels make the volume ours.
func labels(v *model.Volume, owner model.Ownership) string {
	owner.Revision = ""
	all := owner.Labels()
	for key, value := range v.Labels {
		all[key] = value
	}
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(all)) {
		b.WriteString(" --label " + quote(key+"="+all[key]))
	}
	return b.String()
}

// quote is a word for the shell.
func quote(word string) string {
	if plain.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

var plain = regexp.MustCompile(`^[A-Za-z0-9@%+=:,./_-]+$`)
