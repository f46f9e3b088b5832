package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/require"
)

// picturesDir is for the pictures that are taken on the way. It is not kept in
// git; CI keeps it beside its log.
const picturesDir = "screenshots"

// browser is one tab of a Chromium without a window.
type browser struct {
	*world
	ctx   context.Context
	taken int // pictures
}

// chromium finds the program. A machine may do without; CI may not, or nobody
// would notice that the test has stopped running.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no chromium: apt-get install chromium")
	}
	t.Skip("there is no chromium to walk through the shop with: apt-get install chromium")
	return ""
}

// openBrowser starts one whose window has a size, in CSS pixels. It asks nobody
// but the pages that it is sent to, and knows nothing of earlier ones.
func openBrowser(w *world, path string, width, height int) *browser {
	w.Helper()
	flags := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.DisableGPU, chromedp.WindowSize(width, height),
		chromedp.Flag("headless", "new"), chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),        // it is small in containers
		chromedp.Flag("force-prefers-reduced-motion", true), // nothing moves while it is clicked
	}
	allocator, end := chromedp.NewExecAllocator(context.WithoutCancel(w.Context()), flags...)
	ctx, leave := chromedp.NewContext(allocator)
	w.Cleanup(func() { leave(); end() })
	b := &browser{world: w, ctx: ctx}
	require.NoError(w, chromedp.Do(ctx)) // it starts now, without a deadline that would end it
	require.NoError(w, os.MkdirAll(picturesDir, 0o755))
	return b
}

// do does something on the page, within the patience of tests.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.picture("stuck")
		b.Fatalf("%s: %v; the page says:\n%s", what, err, b.text("document.body.innerText"))
	}
}

func (b *browser) open(url string) { b.Helper(); b.do("open "+url, chromedp.Navigate(url)) }

func (b *browser) click(selector string) {
	b.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

func (b *browser) fill(selector, text string) {
	b.Helper()
	b.do("fill "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// types types where the focus is.
func (b *browser) types(keys string) { b.Helper(); b.do("type", chromedp.KeyEvent(keys)) }

// tabTo presses the tabulator until the focus is on an element, as somebody
// without a mouse does.
func (b *browser) tabTo(selector string) {
	b.Helper()
	for range 60 {
		if b.is(fmt.Sprintf("document.activeElement.matches(%q)", selector)) {
			return
		}
		b.types(kb.Tab)
	}
	b.picture("stuck")
	b.Fatalf("the tabulator does not lead to %s", selector)
}

// text evaluates JavaScript to a text, "" where it cannot be: on the way from
// one page to the next there is nothing to ask.
func (b *browser) text(expression string) string {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
	if err != nil {
		return ""
	}
	return text
}

func (b *browser) is(condition string) bool { return b.text("Boolean("+condition+")") == "true" }

// sees waits until a condition in JavaScript holds.
func (b *browser) sees(what, condition string) {
	b.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if b.is(condition) {
			return
		}
	}
	b.picture("stuck")
	b.Fatalf("%s: not within %s; the page %s says:\n%s", what, patience, b.text("location.href"), b.text("document.body.innerText"))
}

// reads waits until the page says words, in capitals or not.
func (b *browser) reads(words ...string) {
	b.Helper()
	for _, word := range words {
		b.sees(word, fmt.Sprintf("document.body.innerText.toLowerCase().includes(%q.toLowerCase())", word))
	}
}

// loaded waits until everything that belongs to the page is there, frames too.
func (b *browser) loaded() {
	b.Helper()
	b.sees("the page has loaded", `document.readyState === "complete"`)
}

// picture keeps the whole page as it is now.
func (b *browser) picture(name string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	b.taken++
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100)) // percent: as PNG
	if err != nil {
		b.Errorf("picture of %s: %v", name, err)
		return
	}
	file := filepath.Join(picturesDir, fmt.Sprintf("%s-%02d-%s.png", filepath.Base(b.Name()), b.taken, name))
	require.NoError(b, os.WriteFile(file, png, 0o644))
}
