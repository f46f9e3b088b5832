package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"runtime"
	"text/tabwriter"

	"go.temporal.io/api/workflowservice/v1"
)

// report is the last line of a run.
type report struct {
	Acknowledge []comparison                  `json:"acknowledge"` // (a), and (e) of it
	Fulfill     []comparison                  `json:"fulfill"`     // (b), and (e) of it
	History     histories                     `json:"historyPerOrder"`
	CPU         map[string]map[string]float64 `json:"cpuSecondsPerOrder"` // by subject and part, with many clients
	Goals       []goal                        `json:"goals"`
	Met         bool                          `json:"met"` // every goal
	Rounds      int                           `json:"rounds"`
	Calls       map[string]int                `json:"callsPerBlock"`
	OldOrders   int                           `json:"oldOrders"`
	Cores       int                           `json:"cores"`
	Versions    versions                      `json:"versions"`
	Seconds     float64                       `json:"seconds"` // that the run took
}

// comparison is the medians of each subject, with so many clients.
type comparison struct {
	Clients  int                `json:"clients"`
	Subjects map[string]figures `json:"subjects"`
}

// histories is what an order leaves in Temporal.
type histories struct {
	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"`
}

type versions struct {
	Go       string `json:"go"`
	Postgres string `json:"postgres"`
	Temporal string `json:"temporal"`
}

// goal is one ratio or count that is aimed at.
type goal struct {
	Name  string  `json:"name"`
	Is    float64 `json:"is"`
	Most  float64 `json:"most,omitempty"`  // 0: Least holds
	Least float64 `json:"least,omitempty"` // 0: Most holds
	Met   bool    `json:"met"`
}

func most(name string, limit, is float64) goal {
	is = rounded(is)
	return goal{Name: name, Is: is, Most: limit, Met: is <= limit}
}

func least(name string, limit, is float64) goal {
	is = rounded(is)
	return goal{Name: name, Is: is, Least: limit, Met: is >= limit}
}

func rounded(x float64) float64 { return math.Round(x*1000) / 1000 }

// ratio is the median of the rounds' own ratios, subject to baseline. Both were measured within seconds, so what slows the
// whole machine for a while slows both.
func (m measurements) ratio(subject, baseline string, clients int, of func(sample) float64) float64 {
	a, b := m[subject][clients], m[baseline][clients]
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = of(a[i]) / of(b[i])
	}
	return median(ratios, func(x float64) float64 { return x })
}

func p50(s sample) float64  { return s.P50 }
func p99(s sample) float64  { return s.P99 }
func rate(s sample) float64 { return s.PerSecond }

// goals holds the measurements against what is aimed at.
func goals(acknowledged, fulfilled measurements, left histories) []goal {
	var all []goal
	for _, clients := range []int{1, many} {
		how := ", " + atOnce(clients)
		all = append(all,
			most("webhook p50 to start p50"+how, 1.15, acknowledged.ratio(webhookNew, bareStart, clients, p50)),
			most("webhook p99 to start p99"+how, 1.5, acknowledged.ratio(webhookNew, bareStart, clients, p99)),
			least("orders a second to empty steps"+how, 0.8, fulfilled.ratio(orderNew, emptySteps, clients, rate)),
		)
	}
	all = append(all, most("history events an order", 13, float64(left.Events)))
	for _, clients := range []int{1, many} {
		how := ", old orders to none, " + atOnce(clients)
		all = append(all,
			most("webhook p50"+how, 1.1, acknowledged.ratio(webhookOld, webhookNew, clients, p50)),
			most("webhook p99"+how, 1.1, acknowledged.ratio(webhookOld, webhookNew, clients, p99)),
			most("seconds an order"+how, 1.1, 1/fulfilled.ratio(orderOld, orderNew, clients, rate)),
			most("order p50"+how, 1.1, fulfilled.ratio(orderOld, orderNew, clients, p50)),
			most("order p99"+how, 1.1, fulfilled.ratio(orderOld, orderNew, clients, p99)),
		)
	}
	return all
}

func (m measurements) comparisons(subjects ...string) []comparison {
	var all []comparison
	for _, clients := range []int{1, many} {
		c := comparison{clients, map[string]figures{}}
		for _, s := range subjects {
			all := m[s][clients]
			c.Subjects[s] = figures{rounded(median(all, rate)), rounded(median(all, p50)), rounded(median(all, p99))}
		}
		all = append(all, c)
	}
	return all
}

func (m measurements) cpu(subjects ...string) map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for _, s := range subjects {
		all[s] = map[string]float64{}
		for part := range m[s][many][0].cpu {
			all[s][part] = math.Round(median(m[s][many], func(found sample) float64 { return found.cpu[part] })*1e5) / 1e5
		}
	}
	return all
}

// findVersions asks what is running.
func (r *rig) findVersions(ctx context.Context, t *cluster) (versions, error) {
	v := versions{Go: runtime.Version()}
	if err := r.shops[0].db.SQL().QueryRowContext(ctx, "SHOW server_version").Scan(&v.Postgres); err != nil {
		return v, fmt.Errorf("version of Postgres: %w", err)
	}
	info, err := t.client.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		return v, fmt.Errorf("version of Temporal: %w", err)
	}
	v.Temporal = info.GetServerVersion()
	return v, nil
}

// print writes the tables for people, then the line for programs.
func (p report) print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 3, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(table, format+"\t\n", args...) }
	for _, part := range []struct {
		title string
		rows  []comparison
	}{{"webhooks acknowledged", p.Acknowledge}, {"orders fulfilled", p.Fulfill}} {
		line("\n%s\ta second\tp50 ms\tp99 ms", part.title)
		for _, c := range part.rows {
			for _, name := range sortedKeys(c.Subjects) {
				f := c.Subjects[name]
				line("%s, %s\t%.1f\t%.2f\t%.2f", name, atOnce(c.Clients), f.PerSecond, f.P50, f.P99)
			}
		}
	}
	line("\nCPU milliseconds an order, %d at once\t\t\t", many)
	for _, subject := range sortedKeys(p.CPU) {
		for _, part := range sortedKeys(p.CPU[subject]) {
			line("%s, %s\t%.2f\t\t", subject, part, 1000*p.CPU[subject][part])
		}
	}
	line("\ngoal\tis\tlimit\tmet")
	for _, g := range p.Goals {
		limit, met := fmt.Sprintf("≤ %g", g.Most), "yes"
		if g.Most == 0 {
			limit = fmt.Sprintf("≥ %g", g.Least)
		}
		if !g.Met {
			met = "NO"
		}
		line("%s\t%g\t%s\t%s", g.Name, g.Is, limit, met)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(to)
	return json.NewEncoder(to).Encode(p)
}
