package pulls

import (
	"context"
	"errors"
	"time"

	"github.com/tallyman-io/tallyman/internal/forge"
	"github.com/tallyman-io/tallyman/reconcile/report"
)

// refresh says on pull requests what has become of their previews.
func (l *Loop) refresh(ctx context.Context) error {
	begun := time.Now()
	texts := l.PreviewTexts()
	l.burden = time.Since(begun)
	var failed []error
	for number, s := range l.said {
		if now := texts[number]; now != "" && now != s.preview {
			failed = append(failed, l.renew(ctx, number, said{s.plan, now}))
		}
	}
	return errors.Join(append(failed, l.end(ctx, texts))...)
}

// renew says something else of a preview.
func (l *Loop) renew(ctx context.Context, number int, now said) error {
	if err := l.Journal.Show(number); err != nil {
		return err
	}
	if err := l.Forge.Comment(ctx, number, l.Context, report.WithPreview(now.plan, now.preview)); err != nil {
		return err
	}
	l.said[number] = now
	return nil
}

// end says of previews that they are over, once, and also where the pull request is:
// the address that it goes on naming may be anybody's soon.
func (l *Loop) end(ctx context.Context, going map[int]string) error {
	shown, err := l.Journal.Shown()
	failed := []error{err}
	for _, number := range shown {
		if _, goes := going[number]; goes {
			continue
		}
		err := l.Forge.Amend(ctx, number, l.Context, report.PreviewOver)
		if class := forge.ClassOf(err); class == forge.NotFound || class == forge.Invalid {
			err = nil // nobody can say it there
		}
		if err == nil {
			err = l.Journal.Unshow(number)
			if s, known := l.said[number]; known {
				l.said[number] = said{plan: s.plan}
			}
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}
