package manifest

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// FieldPath names a field of a service in which its containers may differ, such
// as `environment.LOG`, `labels["com.example.team"]` or `resources.limits`.
type FieldPath string

// Format names the notation.
func (*FieldPath) Format() string { return "fieldPath" }

// Accepts says that a path is a text.
func (*FieldPath) Accepts() []string { return []string{"string"} }

// UnmarshalText brings the path into the form in which differences are printed,
// so that paths can be compared as texts: `.key` where the key is a plain word,
// else `["key"]`.
func (p *FieldPath) UnmarshalText(text []byte) error {
	*p = joinPath(splitPath(string(text)))
	return nil
}

var (
	fieldStep = regexp.MustCompile(`^(\.?([^.\[\]"]+)|\["([^"]+)"\]|\[([^\[\]"]+)\])`)
	plainKey  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)
)

// splitPath gives the steps of a path that has the format.
func splitPath(path string) []string {
	var steps []string
	for path != "" {
		m := fieldStep.FindStringSubmatch(path)
		if m == nil {
			return append(steps, path)
		}
		steps = append(steps, m[2]+m[3]+m[4])
		path = path[len(m[0]):]
	}
	return steps
}

func joinPath(steps []string) FieldPath {
	path := ""
	for i, step := range steps {
		switch {
		case i == 0:
			path = step
		case plainKey.MatchString(step):
			path += "." + step
		default:
			path += "[" + strconv.Quote(step) + "]"
		}
	}
	return FieldPath(path)
}

// comparedFields are the fields of a service that are compared with containers;
// a * is any key. Plan holds them to what it prints.
func comparedFields() []string {
	return []string{
		"image", "entrypoint", "command", "environment.*", "user", "workingDir", "hostname", "labels.*",
		"files.*", "mounts.*", "devices.*", "ports.*", "networks.*.aliases",
		"healthCheck", "stopSignal", "stopGracePeriod", "init", "readOnly", "privileged", "capAdd.*", "capDrop.*",
		"sysctls.*", "ulimits.*", "extraHosts.*", "dns.servers", "dns.search", "dns.options", "shmSize",
		"logging.driver", "logging.options.*", "restart",
		"resources.limits.cpus", "resources.limits.memory", "resources.limits.pids", "resources.reservations.memory",
	}
}

// problem says what is wrong with a path, and what may have been meant.
func (p FieldPath) problem() (message, hint string) {
	steps := splitPath(string(p))
	fields := comparedFields()
	for i, step := range steps {
		var names []string // that may stand here
		var deeper []string
		for _, f := range fields {
			name, rest, _ := strings.Cut(f, ".")
			if name == "*" || name == step {
				deeper = append(deeper, rest)
			}
			names = append(names, name)
		}
		if len(deeper) == 0 || len(deeper) == 1 && deeper[0] == "" && i+1 < len(steps) {
			return p.misstep(steps, i, names, len(deeper) > 0)
		}
		fields = deeper
	}
	return "", ""
}

// misstep says what is wrong with a path at its ith step, or after it.
func (p FieldPath) misstep(steps []string, i int, names []string, after bool) (message, hint string) {
	if after && slices.Contains(names, "*") {
		whole := joinPath(append(slices.Clone(steps[:i]), strings.Join(steps[i:], ".")))
		return "goes on after a key", "write a key with dots as " + string(whole)
	}
	if after {
		return string(joinPath(steps[:i+1])) + " has no parts that are compared by themselves", ""
	}
	guess := didYouMean(steps[i], slices.Compact(slices.Clone(names)))
	if guess == "" {
		return "names no field that is compared with containers", "tallyman diff prints their paths"
	}
	return "names no field that is compared with containers", guess
}
