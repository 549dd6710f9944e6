package policy_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tallyman-io/tallyman/manifest"
	"github.com/tallyman-io/tallyman/reconcile/model"
	"github.com/tallyman-io/tallyman/reconcile/plan"
	"github.com/tallyman-io/tallyman/reconcile/policy"
)

func load(t *testing.T, files map[string]string) *manifest.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	set, err := manifest.Load(fsys, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// policies are one policy named p with one rule, whose message is "no".
func policies(t *testing.T, match, assert string) []*manifest.Policy {
	t.Helper()
	text := fmt.Sprintf("apiVersion: tallyman/v1\nkind: Policy\nmetadata: {name: p}\nspec:\n  match: %s\n  rules:\n    - message: 'no'\n      assert: |\n        %s\n", match, assert)
	return load(t, map[string]string{"p.yaml": text}).Policies
}

func doc(kind, metadata, spec string) string {
	return fmt.Sprintf("apiVersion: tallyman/v1\nkind: %s\nmetadata: {%s}\nspec: {%s}\n", kind, metadata, spec)
}

// checkBoth holds two documents to one rule: the first keeps it, the second does
// not.
func TestRulesAboutManifests(t *testing.T) {
	for name, c := range map[string]struct{ match, assert, keeps, breaks string }{
		"privileged": {"{kinds: [Service]}", "containers.all(c, !c.privileged)",
			doc("Service", "name: a", "image: a"), doc("Service", "name: a", "image: a, privileged: true")},
		"a privileged sidecar": {"{kinds: [Service]}", "containers.all(c, !c.privileged)",
			doc("Service", "name: a", "image: a, sidecars: [{name: s, image: s}]"), doc("Service", "name: a", "image: a, sidecars: [{name: s, image: s, privileged: true}]")},
		"a privileged job": {"{kinds: [Service, Job]}", "!has(spec.privileged) || !spec.privileged",
			doc("Job", "name: a", "image: a, when: preDeploy"), doc("Job", "name: a", "image: a, when: preDeploy, privileged: true")},
		"our registry": {"{kinds: [Service, Job]}", `containers.all(c, c.image.startsWith("registry.example.com/"))`,
			doc("Service", "name: a", "image: 'registry.example.com/a:1'"), doc("Service", "name: a", "image: 'registry.example.com.evil.org/a:1'")},
		"a default": {"{kinds: [Service]}", `spec.stopGracePeriod >= duration("10s") && spec.replicas == 1`,
			doc("Service", "name: a", "image: a"), doc("Service", "name: a", "image: a, stopGracePeriod: 9s")},
		"a size and a number": {"{kinds: [Service]}", `has(spec.resources.limits.memory) && spec.resources.limits.memory <= 1024 * 1024 * 1024 && spec.resources.limits.cpus <= 1.5`,
			doc("Service", "name: a", "image: a, resources: {limits: {memory: 1GiB, cpus: 1.5}}"), doc("Service", "name: a", "image: a")},
		"where a variable comes from": {"{kinds: [Service]}", `spec.environment.all(k, !k.contains("PASSWORD") || has(spec.environment[k].secret))`,
			doc("Service", "name: a", "image: a, environment: {LOG: b}"), doc("Service", "name: a", "image: a, environment: {PASSWORD: b}")},
		"bind mounts": {"{kinds: [Service]}", `spec.mounts.all(m, !has(m.bind) || m.bind.startsWith("/srv/"))`,
			doc("Service", "name: a", "image: a, mounts: [{bind: /srv/a, path: /a}]"), doc("Service", "name: a", "image: a, mounts: [{bind: /srvx, path: /a}]")},
		"an app's policy": {"{kinds: [App]}", `spec.sync.maxRemovals <= 10 && !("*" in spec.dependsOn)`,
			doc("App", "name: a", ""), doc("App", "name: a", "sync: {maxRemovals: 11}")},
		"labels of any document": {"{}", `kind == "Policy" || "team" in metadata.labels`,
			doc("Network", "name: a, labels: {team: x}", ""), doc("Network", "name: a", "")},
		"the file": {"{kinds: [Network]}", `file == "b.yaml"`, "", doc("Network", "name: a", "")},
		"policies themselves": {"{kinds: [Policy]}", `spec.rules.all(r, r.message != "later")`,
			doc("Policy", "name: a", "rules: [{assert: 'true', message: now}]"), doc("Policy", "name: a", "rules: [{assert: 'true', message: later}]")},
	} {
		t.Run(name, func(t *testing.T) {
			rules := policies(t, c.match, c.assert)
			if c.keeps != "" {
				if broken := policy.Check(rules, load(t, map[string]string{"a.yaml": c.keeps})); len(broken) > 0 {
					t.Errorf("what keeps the rule breaks it: %v", broken)
				}
			}
			broken := policy.Check(rules, load(t, map[string]string{"a.yaml": c.breaks}))
			if len(broken) != 1 || broken[0].Message != "no" || broken[0].Policy != "p" || strings.TrimSpace(broken[0].Rule) != c.assert {
				t.Errorf("what breaks the rule: %+v", broken)
			}
		})
	}
}

func TestWhichDocumentsARuleIsAbout(t *testing.T) {
	set := load(t, map[string]string{
		"hosts.yaml":  doc("Host", "name: edge, labels: {tier: x}", "endpoint: tcp://edge:1"),
		"shop/a.yaml": doc("App", "name: shop-eu", ""), "shop/b.yaml": doc("Service", "name: web, labels: {tier: front}", "image: a"),
		"c.yaml": doc("Service", "name: db, labels: {tier: back}", "image: a"),
	})
	for match, want := range map[string]string{
		"{}":                                    "Service db, Host edge, App shop-eu, Service web",
		"{kinds: [Host, App]}":                  "Host edge, App shop-eu",
		"{apps: ['shop-*']}":                    "App shop-eu, Service web",
		"{apps: ['shop']}":                      "",
		"{apps: ['*']}":                         "Service db, App shop-eu, Service web",
		"{apps: [default, nothing]}":            "Service db",
		"{labels: {tier: front}}":               "Service web",
		"{labels: {tier: ''}}":                  "",
		"{labels: {tier: x}, kinds: [Service]}": "",
	} {
		var got []string
		for _, v := range policy.Check(policies(t, match, "1 == 2"), set) {
			got = append(got, strings.SplitN(v.Where, " at ", 2)[0])
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s is about %v, want %s", match, got, want)
		}
	}
}

// What can't be judged is not kept: a rule that fails must not let through.
func TestARuleThatCannotBeJudgedIsBroken(t *testing.T) {
	broken := policy.Check(policies(t, "{kinds: [Network]}", `metadata.labels["team"] == "x"`), load(t, map[string]string{"a.yaml": doc("Network", "name: a", "")}))
	if len(broken) != 1 || broken[0].Message != "no (the rule can't be judged, and so is not kept: no such key: team)" {
		t.Errorf("got %v", broken)
	}
}

// TestSecretsStayUnseen: an expression finds out which keys a Secret has, and
// nothing of what is under them.
func TestSecretsStayUnseen(t *testing.T) {
	armor := "|\n      -----BEGIN AGE ENCRYPTED FILE-----\n      Y2FuYXJ5\n      -----END AGE ENCRYPTED FILE-----\n"
	set := load(t, map[string]string{"s.yaml": "apiVersion: tallyman/v1\nkind: Secret\nmetadata: {name: db}\nspec:\n  age:\n    url: " + armor})
	if broken := policy.Check(policies(t, "{kinds: [Secret]}", `"url" in spec.age && spec.age["url"] == "" && !has(spec.sops)`), set); len(broken) > 0 {
		t.Errorf("got %v", broken)
	}
	if data := string(set.Secrets[0].Age()["url"].Data); !strings.Contains(data, "Y2FuYXJ5") {
		t.Errorf("the secret itself has changed: %s", data)
	}
}

func TestHoldNamesThePlaces(t *testing.T) {
	files := map[string]string{
		"p.yaml": doc("Policy", "name: p", "match: {kinds: [Service]}, rules: [{assert: '!spec.privileged', message: ask us}, {assert: 'spec.user != \"\"', message: name a user}]"),
		"a.yaml": doc("Service", "name: a", "image: a, user: a") + "---\n" + doc("Service", "name: b", "image: a, privileged: true"),
	}
	want := `a.yaml:6:1: Service "b" breaks policy "p": ask us
a.yaml:6:1: Service "b" breaks policy "p": name a user`
	if err := policy.Hold(load(t, files)); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	delete(files, "p.yaml")
	if err := policy.Hold(load(t, files)); err != nil {
		t.Errorf("without policies: %v", err)
	}
}

func mixed() *plan.Plan {
	replica := func(slot string, v plan.Verdict) plan.Change {
		return plan.Change{Key: plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: slot}, Host: "edge-1", Verdict: v, Removal: v == plan.Remove, Reasons: []string{"why"}}
	}
	held := replica("8", plan.Blocked)
	held.Removal, held.HeldBy = true, plan.HeldByCount
	kept := replica("9", plan.Blocked)
	kept.Removal, kept.Kept = true, true
	tidied := replica("7", plan.Remove)
	tidied.Removal = false // an old run of a job
	return &plan.Plan{Changes: []plan.Change{
		replica("1", plan.Create), replica("2", plan.Replace), replica("3", plan.Unchanged), replica("4", plan.Remove), held, kept, tidied,
		{Key: plan.Key{Kind: plan.KindNetwork, App: "shop", Host: "edge-1", Name: "front"}, Host: "edge-1", Verdict: plan.Update},
	}}
}

func TestRulesAboutPlans(t *testing.T) {
	for assert, kept := range map[string]bool{
		"plan.remove <= 2": true, "plan.remove <= 1": false, // a removal that a guard holds counts; one that nobody will make does not
		"plan.create == 1 && plan.update == 1 && plan.replace == 1 && plan.blocked == 2 && plan.run == 0": true,
		"plan.changes.size() == 7":                true,
		`plan.changes.all(c, c.host != "edge-1")`: false,
		`plan.changes.filter(c, c.kind == "network").all(c, c.name == "front" && c.service == "")`:                                true,
		`plan.changes.exists(c, c.name == "web-4" && c.app == "shop" && c.verdict == "remove" && c.removal && c.reason == "why")`: true,
		`plan.changes[100].host == ""`: false,
	} {
		broken := policy.CheckPlan([]model.PlanRule{{Policy: "p", Assert: assert, Message: "no"}}, mixed())
		if (len(broken) == 0) != kept {
			t.Errorf("%s: %v, want kept %t", assert, broken, kept)
		}
		if !kept && (broken[0].Where != "plan" || !strings.HasPrefix(broken[0].Message, "no")) {
			t.Errorf("%s: %+v", assert, broken[0])
		}
	}
}

// The order of files and of what Go makes of maps says nothing.
func TestTheSameInputGivesTheSameViolations(t *testing.T) {
	files := map[string]string{"p.yaml": doc("Policy", "name: z", "rules: [{assert: '1 == 2', message: z}]") + "---\n" + doc("Policy", "name: a", "rules: [{assert: '1 == 2', message: a}]")}
	for i := range 20 {
		files[fmt.Sprintf("%02d.yaml", 20-i)] = doc("Service", fmt.Sprintf("name: s%d", i), "image: a")
	}
	set := load(t, files)
	first := policy.Check(set.Policies, set)
	for range 10 {
		again := load(t, files)
		if got := policy.Check(again.Policies, again); len(got) != 44 || fmt.Sprint(got) != fmt.Sprint(first) {
			t.Fatalf("got %d, and in another order than %d", len(got), len(first))
		}
	}
	if !reflect.DeepEqual(set, load(t, files)) {
		t.Error("judging has changed the documents")
	}
}

// No plan is too large to be judged by a rule that looks at each change.
func TestLargePlansAreJudged(t *testing.T) {
	p := &plan.Plan{}
	for i := range 100_000 {
		p.Changes = append(p.Changes, plan.Change{Key: plan.Key{Kind: plan.KindReplica, App: "shop", Service: "web", Slot: fmt.Sprint(i)}, Verdict: plan.Replace})
	}
	assert := `plan.changes.filter(c, c.kind == "replica" && c.app == "shop" && c.verdict == "remove").size() <= 5 && plan.changes.all(c, c.service != "db" || c.host.startsWith("edge-"))`
	if broken := policy.CheckPlan([]model.PlanRule{{Policy: "p", Assert: assert, Message: "no"}}, p); len(broken) > 0 {
		t.Errorf("got %v", broken)
	}
}

// FuzzCheck: whatever the rule and the document, it is judged or refused, and the
// same twice.
func FuzzCheck(f *testing.F) {
	f.Add(`containers.all(c, !c.privileged)`, `privileged: true`)
	f.Add(`spec.environment.all(k, spec.environment[k].value != "x")`, `environment: {A: x, B: {secret: s, key: k}}`)
	f.Add(`spec.healthCheck.command[0] == "a"`, `healthCheck: {command: a}, replicas: 0`)
	f.Add(`metadata.labels["x"] == spec.restart`, `restart: "on-failure:3"`)
	f.Fuzz(func(t *testing.T, assert, spec string) {
		fsys := fstest.MapFS{
			"p.yaml": {Data: []byte("apiVersion: tallyman/v1\nkind: Policy\nmetadata: {name: p}\nspec: {match: {kinds: [Service]}, rules: [{message: m, assert: " + fmt.Sprintf("%q", assert) + "}]}\n")},
			"a.yaml": {Data: []byte(doc("Service", "name: a", "image: a, "+spec))},
		}
		set, err := manifest.Load(fsys, manifest.Options{})
		if err != nil {
			return
		}
		if one, two := policy.Check(set.Policies, set), policy.Check(set.Policies, set); fmt.Sprint(one) != fmt.Sprint(two) {
			t.Errorf("%v and then %v", one, two)
		}
	})
}
