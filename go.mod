module github.com/tallyman-io/tallyman

go 1.26
