package shape

import (
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
)

// Format is a way to write a text. What the patterns can't express is in
// Valid, which the JSON Schema leaves out.
type Format struct {
	Pattern *regexp.Regexp
	// Not, when set, must not match.
	Not *regexp.Regexp
	// Valid, when set, is asked after the patterns have agreed.
	Valid func(string) bool
	// Noun is what the text should be, as in "must be <noun>".
	Noun string
	// Quiet formats may hold credentials: errors do not repeat the text.
	Quiet bool
}

// Match says whether text is written in the format.
func (f Format) Match(text string) bool {
	return f.Pattern.MatchString(text) && (f.Not == nil || !f.Not.MatchString(text)) && (f.Valid == nil || f.Valid(text))
}

// FormatOf finds a format by name. The names in tags are checked when a
// catalog is made, so an unknown one is a mistake in the program.
func FormatOf(name string) Format {
	f, ok := formats[name]
	if !ok {
		panic("shape: unknown format " + name)
	}
	return f
}

// FormatNames are the names of all formats, sorted.
func FormatNames() []string { return slices.Sorted(maps.Keys(formats)) }

func re(pattern string) *regexp.Regexp { return regexp.MustCompile(pattern) }

func isIP(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

func isPrefix(s string) bool {
	p, err := netip.ParsePrefix(s)
	return err == nil && p == p.Masked()
}

// endpointPort is the port of an endpoint, if it has one.
var endpointPort = regexp.MustCompile(`^[a-z]+://[^/]*:([0-9]+)(/|$)`)

func portInRange(endpoint string) bool {
	port := endpointPort.FindStringSubmatch(endpoint)
	if port == nil {
		return true
	}
	n, err := strconv.Atoi(port[1])
	return err == nil && n >= 1 && n <= 65535
}

// The patterns keep to what Go's regexp and JSON Schema's dialect share.
var (
	label     = `[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?`
	component = `[a-z0-9]+([._-]+[a-z0-9]+)*`
	attribute = `host\.(name|arch|os|engine|labels\.[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?)`
	listed    = `[^\s=!(),][^\s(),]*`

	formats = map[string]Format{
		"name": {Pattern: re(`^` + label + `$`),
			Noun: "a name of lowercase letters, digits and '-', at most 63 long, that begins and ends with a letter or digit"},
		"line":       {Pattern: re(`^[^\x00-\x1f\x7f]{1,300}$`), Noun: "one line of text, at most 300 characters long"},
		"appPattern": {Pattern: re(`^[a-z0-9*]([-a-z0-9*]{0,61}[a-z0-9*])?$`), Noun: "the name of an app, in which * stands for any part of it"},
		"text":       {Pattern: re(`^[^\x00]+$`), Noun: "a text that is not empty"},
		"labelKey":   {Pattern: re(`^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$`), Not: re(`^tallyman\.`), Noun: "a label key of letters, digits, '.', '_', '/' and '-'; those that begin with tallyman. are Tallyman's own"},
		"image": {Pattern: re(`^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?` + component + `(/` + component + `)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`),
			Noun: "an image reference such as registry.example.com/web:1.4.2"},
		"imageName": {Pattern: re(`^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?/)?` + component + `(/` + component + `)*$`),
			Noun: "an image without a tag, such as registry.example.com/web"},
		"imageTag":  {Pattern: re(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`), Noun: "a tag of letters, digits, '_', '.' and '-', at most 128 long"},
		"gitBranch": {Pattern: re(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$`), Not: re(`\.\.|\.lock(/|$)|\.(/|$)`), Noun: "a branch's name of letters, digits, '.', '_', '-' and '/'"},
		"envName":   {Pattern: re(`^[^=\s\x00]+$`), Noun: "a variable name without '=' and spaces"},
		"configKey": {Pattern: re(`^[A-Za-z0-9._-]+$`), Not: re(`^\.\.?$`), Noun: "a key of letters, digits, '.', '_' and '-'"},
		"absPath":   {Pattern: re(`^/[^\x00]*$`), Not: re(`(^|/)\.\.?(/|$)|//|./$`), Noun: "an absolute path without '.', '..' and trailing '/'"},
		"relPath":   {Pattern: re(`^[^/\x00\\][^\x00\\]*$`), Not: re(`(^|/)\.\.?(/|$)|//|/$`), Noun: "a path below the manifest's folder, without '..'"},
		"mode":      {Pattern: re(`^0[0-7]{3}$`), Noun: `permission bits such as "0444"`},
		"ip":        {Pattern: re(`^[0-9A-Fa-f.:]+$`), Valid: isIP, Noun: "an IP address"},
		"cidr":      {Pattern: re(`^[0-9A-Fa-f.:]+/[0-9]+$`), Valid: isPrefix, Noun: "a subnet such as 10.20.0.0/24"},
		"hostIP":    {Pattern: re(`^([0-9A-Fa-f.:]+|host-gateway)$`), Valid: func(s string) bool { return s == "host-gateway" || isIP(s) }, Noun: "an IP address or host-gateway"},
		"hostThing": {Pattern: re(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`), Noun: "a name as the engine has it, of letters, digits, '_', '.' and '-'"},
		"server":    {Pattern: re(`^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f.:]+)$`), Noun: "a server's name or IP address"},
		"mountOption": {Pattern: re(`^[A-Za-z0-9_][^,\s\x00]*$`), Not: re(`^([Pp][Aa][Ss][Ss]|[Cc][Rr][Ee][Dd])`), Quiet: true,
			Noun: "one mount option such as soft or vers=3.0; a password is a secret and can't be in a manifest: make such a volume by hand on the hosts and declare it with external"},
		"ageArmor": {Pattern: re(`^\s*-----BEGIN AGE ENCRYPTED FILE-----\r?\n[A-Za-z0-9+/=\r\n]+\r?\n-----END AGE ENCRYPTED FILE-----\s*$`),
			Noun: "what age --encrypt --armor prints, from -----BEGIN AGE ENCRYPTED FILE----- to the END line", Quiet: true},
		"hostname":  {Pattern: re(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`), Valid: func(s string) bool { return len(s) <= 253 }, Noun: "a host name"},
		"shortHost": {Pattern: re(`^[A-Za-z0-9][A-Za-z0-9.-]{0,62}$`), Noun: "a host name of at most 63 letters, digits, '-' and '.'"},
		"endpoint": {Pattern: re(`^(unix:///[^\s]+|tcp://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5}|ssh://([A-Za-z0-9_][A-Za-z0-9_.-]*@)?([A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._/@+-]*)?)$`),
			Valid: portInRange,
			Noun:  "unix:///path/to/docker.sock, tcp://host:port or ssh://[user@]host[:port][/path/to/docker.sock], with a port from 1 to 65535 and never with a password: use a key or certificates", Quiet: true},
		"user":       {Pattern: re(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$`), Noun: `a user, or user:group, such as "1000:1000"`},
		"signal":     {Pattern: re(`^SIG(HUP|INT|QUIT|ABRT|KILL|USR1|USR2|TERM|CONT|STOP|TSTP|WINCH|PWR|ALRM|PIPE|IO|RTMIN(\+([1-9]|1[0-5]))?)$`), Noun: "a signal such as SIGTERM"},
		"capability": {Pattern: re(`^(CAP_)?[A-Z][A-Z0-9_]+$`), Noun: "a capability such as NET_ADMIN, or ALL"},
		"sysctl":     {Pattern: re(`^[a-z][a-z0-9_-]*([./][A-Za-z0-9_-]+)+$`), Noun: "a kernel parameter such as net.core.somaxconn"},
		"ulimit":     {Pattern: re(`^(core|cpu|data|fsize|locks|memlock|msgqueue|nice|nofile|nproc|rss|rtprio|rttime|sigpending|stack)$`), Noun: "the name of a limit such as nofile"},
		"devicePerm": {Pattern: re(`^(r|w|m|rw|rm|wm|rwm)$`), Noun: "some of r, w and m, in this order"},
		"attribute":  {Pattern: re(`^` + attribute + `$`), Noun: "host.name, host.arch, host.os, host.engine or host.labels.<key>"},
		"constraint": {Pattern: re(`^\s*` + attribute + `(\s*(==|!=)\s*[^\s=!]\S*|\s+(not\s+)?in\s*\(\s*` + listed + `(\s*,\s*` + listed + `)*\s*\)|\s+(not\s+)?exists)\s*$`),
			Noun: `a comparison such as "host.labels.disk == ssd", of host.name, host.arch, host.os, host.engine or host.labels.<key>, with ==, !=, in (a, b), not in (a, b), exists or not exists`},
		"fieldPath": {Pattern: re(`^[A-Za-z]+(\.[A-Za-z0-9_/-]+|\[[^\[\]"\\]+\]|\["[^"\\]+"\])*$`), Noun: `the path of a field such as environment.LOG or labels["com.example.team"]`},
		"driver":    {Pattern: re(`^[A-Za-z0-9][A-Za-z0-9._/:@-]*$`), Noun: "the name of a driver"},
		"duration":  {Pattern: re(`^([0-9]+(ms|s|m|h))+$`), Noun: "a duration such as 10s or 1m30s"},
		"size":      {Pattern: re(`^[0-9]+(B|kB|KiB|MB|MiB|GB|GiB|TB|TiB)?$`), Noun: "a size such as 256MiB"},
		"cpus":      {Pattern: re(`^[0-9]+(\.[0-9]{1,9})?$`), Noun: "a number of CPUs such as 0.5"},
		"restart":   {Pattern: re(`^(no|always|unless-stopped|on-failure(:[1-9][0-9]{0,5})?)$`), Noun: "no, always, unless-stopped, on-failure or on-failure:<times>"},
		"cron":      {Pattern: re(`^(\S+( +\S+){4}|@(hourly|daily|midnight|weekly|monthly|yearly|annually))$`), Noun: `a cron expression of five fields such as "0 3 * * *", or one of @hourly, @daily, @weekly, @monthly and @yearly`},
		"timeZone":  {Pattern: re(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`), Noun: "a time zone such as Europe/Berlin"},
		"webhook": {Pattern: re(`^(https://[^\s/?#@]+|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?)(/[^\s#]*)?$`), Quiet: true,
			Noun: "an https:// URL, without user and password; http:// goes to localhost only"},
		"promotion": {Pattern: re(`^(manual|([0-9]+(ms|s|m|h))+)$`), Noun: "a duration such as 10m, or manual"},
		"portion":   {Pattern: re(`^(0|[1-9][0-9]{0,4}|([0-9]|[1-9][0-9]|100)%)$`), Noun: `a count such as 2, or a percentage up to "100%" such as "25%"`},
	}
)
