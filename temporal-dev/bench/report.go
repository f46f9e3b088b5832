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
	Search      []searchFigures               `json:"search"`      // (f)
	History     histories                     `json:"historyPerOrder"`
	CPU         map[string]map[string]float64 `json:"cpuSecondsPerOrder"` // by subject and part, with many clients
	Goals       []goal                        `json:"goals"`
	Only        string                        `json:"only,omitempty"` // the part that was measured; "": all
	Met         bool                          `json:"met"`            // every goal
	Rounds      int                           `json:"rounds"`
	Calls       map[string]int                `json:"callsPerBlock"`
	OldOrders   int                           `json:"oldOrders"`
	Cores       int                           `json:"cores"`
	Versions    versions                      `json:"versions"` // of what was used
	Seconds     float64                       `json:"seconds"`  // that the run took
}

// comparison is the medians of each subject, with so many clients.
type comparison struct {
	Clients  int                `json:"clients"`
	Subjects map[string]figures `json:"subjects"`
}

// searchFigures is what a kind of search came to: the medians.
type searchFigures struct {
	Search string  `json:"search"`
	Page   int     `json:"page"`
	Old    figures `json:"old"`
	Few    figures `json:"few"`
	Ratio  float64 `json:"p50Ratio"` // the median of the rounds' own ratios of old to few
}

// histories is what an order leaves in Temporal.
type histories struct {
	Events int64 `json:"events"`
	Bytes  int64 `json:"bytes"`
}

type versions struct {
	Go       string `json:"go"`
	Postgres string `json:"postgres"`
	Temporal string `json:"temporal"` // "" when no order was fulfilled
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

func (r *rig) reportAcknowledge(ctx context.Context, to *report) error {
	found, err := r.acknowledge(ctx)
	if err != nil {
		return err
	}
	to.Acknowledge = found.comparisons(bareStart, webhookNew, webhookOld)
	for _, clients := range []int{1, many} {
		how := ", " + atOnce(clients)
		old := ", old orders to none" + how
		to.Goals = append(to.Goals,
			most("webhook p50 to start p50"+how, 1.15, found.ratio(webhookNew, bareStart, clients, p50)),
			most("webhook p99 to start p99"+how, 1.5, found.ratio(webhookNew, bareStart, clients, p99)),
			most("webhook p50"+old, 1.1, found.ratio(webhookOld, webhookNew, clients, p50)),
			most("webhook p99"+old, 1.1, found.ratio(webhookOld, webhookNew, clients, p99)),
		)
	}
	return nil
}

func (r *rig) reportFulfill(ctx context.Context, to *report) error {
	found, left, temporal, err := r.fulfill(ctx)
	if err != nil {
		return err
	}
	to.Fulfill, to.History, to.Versions.Temporal = found.comparisons(emptySteps, orderNew, orderOld), left, temporal
	to.CPU = found.cpu(emptySteps, orderNew, orderOld)
	for _, clients := range []int{1, many} {
		how := ", " + atOnce(clients)
		old := ", old orders to none" + how
		to.Goals = append(to.Goals,
			least("orders a second to empty steps"+how, 0.8, found.ratio(orderNew, emptySteps, clients, rate)),
			most("seconds an order"+old, 1.1, 1/found.ratio(orderOld, orderNew, clients, rate)),
			most("order p50"+old, 1.1, found.ratio(orderOld, orderNew, clients, p50)),
			most("order p99"+old, 1.1, found.ratio(orderOld, orderNew, clients, p99)),
		)
	}
	to.Goals = append(to.Goals, most("history events an order", 13, float64(left.Events)))
	return nil
}

func (r *rig) reportSearch(ctx context.Context, to *report) error {
	found, err := r.search(ctx)
	if err != nil {
		return err
	}
	worst := 0.0
	for _, s := range searches {
		for _, page := range s.pages() {
			few, old := s.subject(page, searchFew), s.subject(page, searchOld)
			f := searchFigures{s.name, page, found.figures(old, 1), found.figures(few, 1), rounded(found.ratio(old, few, 1, p50))}
			to.Search = append(to.Search, f)
			to.Goals = append(to.Goals, most(fmt.Sprintf("search p99 ms, %s, page %d", s.name, page), 50, f.Old.P99))
			if !s.grows {
				worst = max(worst, f.Ratio)
			}
		}
	}
	to.Goals = append(to.Goals, most(fmt.Sprintf("search p50, old orders to a %dth of them, the worst kind", part), 2, worst))
	return nil
}

func (m measurements) comparisons(subjects ...string) []comparison {
	var all []comparison
	for _, clients := range []int{1, many} {
		c := comparison{clients, map[string]figures{}}
		for _, s := range subjects {
			c.Subjects[s] = m.figures(s, clients)
		}
		all = append(all, c)
	}
	return all
}

// figures are the medians of a subject's.
func (m measurements) figures(subject string, clients int) figures {
	all := m[subject][clients]
	return figures{rounded(median(all, rate)), rounded(median(all, p50)), rounded(median(all, p99))}
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
func (r *rig) findVersions(ctx context.Context) (versions, error) {
	v := versions{Go: runtime.Version()}
	if err := r.shops[0].db.SQL().QueryRowContext(ctx, "SHOW server_version").Scan(&v.Postgres); err != nil {
		return v, fmt.Errorf("version of Postgres: %w", err)
	}
	return v, nil
}

func findTemporalVersion(ctx context.Context, t *cluster) (string, error) {
	info, err := t.client.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	if err != nil {
		return "", fmt.Errorf("version of Temporal: %w", err)
	}
	return info.GetServerVersion(), nil
}

// print writes the tables for people, then the line for programs.
func (p report) print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 3, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(table, format+"\t\n", args...) }
	for _, part := range []struct {
		title string
		rows  []comparison
	}{{"webhooks acknowledged", p.Acknowledge}, {"orders fulfilled", p.Fulfill}} {
		if part.rows == nil {
			continue
		}
		line("\n%s\ta second\tp50 ms\tp99 ms", part.title)
		for _, c := range part.rows {
			for _, name := range sortedKeys(c.Subjects) {
				f := c.Subjects[name]
				line("%s, %s\t%.1f\t%.2f\t%.2f", name, atOnce(c.Clients), f.PerSecond, f.P50, f.P99)
			}
		}
	}
	if p.CPU != nil {
		line("\nCPU milliseconds an order, %d at once\t\t\t", many)
	}
	for _, subject := range sortedKeys(p.CPU) {
		for _, part := range sortedKeys(p.CPU[subject]) {
			line("%s, %s\t%.2f\t\t", subject, part, 1000*p.CPU[subject][part])
		}
	}
	if p.Search != nil {
		line("\npayments searched\tp50 ms\tp99 ms\tp50 to few's")
	}
	for _, f := range p.Search {
		line("%s, page %d\t%.2f\t%.2f\t%.2f", f.Search, f.Page, f.Old.P50, f.Old.P99, f.Ratio)
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
