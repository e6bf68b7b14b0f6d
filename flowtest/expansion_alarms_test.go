package flowtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/flowtest/rig"
)

// Every alarm has its section in docs/alarms.md, which says what it means, what
// to look at and what to do, and no section is of an alarm that is not there.
func TestAlarmsAreExplained(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(rig.Root(), "docs", "alarms.md"))
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for part := range strings.SplitSeq(string(page), "\n### ") {
		name, text, _ := strings.Cut(part, "\n")
		sections[name] = text
	}
	delete(sections, "# Alarms")
	resources, _ := inTemplate(t, "Resources").(map[string]any)
	for id, r := range resources {
		if r.(map[string]any)["Type"] != "AWS::CloudWatch::Alarm" {
			continue
		}
		for _, word := range []string{"**It means**", "**Look**", "**Do**"} {
			if !strings.Contains(sections[id], word) {
				t.Errorf("docs/alarms.md does not say %s of %s", word, id)
			}
		}
		if said := fmt.Sprint(inTemplate(t, "Resources", id, "Properties", "AlarmDescription")); !strings.HasSuffix(said, " See docs/alarms.md, "+id+".") {
			t.Errorf("%s leads to no section: %s", id, said)
		}
		delete(sections, id)
	}
	if len(sections) > 0 {
		t.Errorf("docs/alarms.md explains what is not there: %v", slices.Sorted(maps.Keys(sections)))
	}
}

// Alarms are quiet while nothing happens, can fire with little traffic, and watch
// what is there: our own metrics are made by a filter, functions and tables are
// the stack's.
func TestAlarmsCanFire(t *testing.T) {
	eachStage(t, func(t *testing.T, _ string, s stack) {
		ours := filters(t)
		alarms := s.of("AWS::CloudWatch::Alarm")
		if len(alarms) < 15 {
			t.Errorf("%d alarms", len(alarms))
		}
		for id, a := range alarms {
			if a.at("TreatMissingData") != "notBreaching" || a.at("AlarmName") != nil {
				t.Errorf("%s: %v", id, a.Properties)
			}
			read := 0
			for _, m := range metrics(a) {
				read++
				if m["Namespace"] == nil || strings.Contains(fmt.Sprint(m["Namespace"]), "latchkey/") {
					_, made := ours[fmt.Sprint(m["MetricName"])]
					if !made {
						t.Errorf("%s watches %v, which no filter makes", id, m["MetricName"])
					}
				}
				for _, d := range m["dimensions"].([]any) {
					ref := referred(d)
					_, there := s.Resources[ref]
					if ref != "" && !there {
						t.Errorf("%s watches %s, which is not there", id, ref)
					}
				}
			}
			if read == 0 || read > 10 {
				t.Errorf("%s watches %d metrics; an alarm takes one to ten", id, read)
			}
		}
	})
}

// metrics are what an alarm reads, each with its dimensions.
func metrics(a resource) []map[string]any {
	all, _ := a.at("Metrics").([]any)
	if all == nil {
		all = []any{map[string]any{"MetricStat": map[string]any{"Metric": a.Properties}}}
	}
	var list []map[string]any
	for _, each := range all {
		stat, is := each.(map[string]any)["MetricStat"].(map[string]any)
		if !is {
			continue
		}
		m := maps.Clone(stat["Metric"].(map[string]any))
		dimensions, _ := m["Dimensions"].([]any)
		m["dimensions"] = dimensions
		list = append(list, m)
	}
	return list
}

// referred is the resource that a dimension names, "" if it is a word.
func referred(dimension any) string {
	value, _ := dimension.(map[string]any)["Value"].(map[string]any)
	ref, _ := value["Ref"].(string)
	return ref
}

// The crashes of every function are watched, each by one alarm.
func TestEveryFunctionIsWatched(t *testing.T) {
	t.Parallel()
	s := expand(t, "Stage=prod")
	watched := map[string]int{}
	for _, id := range []string{"SignInErrors", "AccountErrors"} {
		for _, m := range metrics(s.Resources[id]) {
			for _, d := range m["dimensions"].([]any) {
				watched[referred(d)]++
			}
		}
	}
	for id := range s.of("AWS::Lambda::Function") {
		if watched[id] != 1 {
			t.Errorf("%s is watched by %d alarms", id, watched[id])
		}
	}
}

// The dashboard is what CloudWatch takes, and shows every function and every
// metric of ours.
func TestDashboard(t *testing.T) {
	t.Parallel()
	parts, _ := inTemplate(t, "Resources", "Dashboard", "Properties", "DashboardBody").([]any)
	if len(parts) != 2 || fmt.Sprint(parts[1]) != "map[Used:[IsRestored RestoredTable Table]]" {
		t.Fatalf("the dashboard is not filled in as is expected here: %v", parts)
	}
	body, _ := parts[0].(string)
	resources, _ := inTemplate(t, "Resources").(map[string]any)
	filled := regexp.MustCompile(`\$\{([A-Za-z:]+)\}`).ReplaceAllStringFunc(body, func(name string) string {
		name = strings.Trim(name, "${}")
		if resources[name] == nil && !strings.HasPrefix(name, "AWS::") && name != "Used" {
			t.Errorf("the dashboard shows %s, which is not there", name)
		}
		return name
	})
	var doc struct {
		Widgets []struct {
			Type          string
			X, Y          int
			Width, Height int
			Properties    struct {
				Title, Region string
				Metrics       [][]any
			}
		}
	}
	err := json.Unmarshal([]byte(filled), &doc)
	if err != nil || len(doc.Widgets) < 6 {
		t.Fatalf("%v: %s", err, filled)
	}
	for _, w := range doc.Widgets {
		if w.Type != "metric" || w.X+w.Width > 24 || w.Width < 1 || w.Height < 1 || w.Properties.Title == "" || w.Properties.Region != "AWS::Region" || len(w.Properties.Metrics) == 0 {
			t.Errorf("%+v", w)
		}
	}
	for _, f := range rig.Template(t).Functions {
		if strings.Count(filled, `"`+f.ID+`"`) < 2 {
			t.Errorf("the dashboard does not show %s", f.ID)
		}
	}
	for metric := range filters(t) {
		if !strings.Contains(filled, `"`+metric+`"`) {
			t.Errorf("the dashboard does not show %s", metric)
		}
	}
}
