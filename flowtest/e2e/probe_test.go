package e2e

import (
	"context"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"testing"
)

func TestProbe(t *testing.T) {
	o := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox)
	ctx, c := chromedp.NewExecAllocator(context.Background(), o...)
	defer c()
	ctx, c2 := chromedp.NewContext(ctx)
	defer c2()
	var s string
	_ = emulation.SetScriptExecutionDisabled(true)
	err := chromedp.Run(ctx, chromedp.Navigate("http://localhost:3000/"), chromedp.Title(&s))
	t.Log(s, err)
}
