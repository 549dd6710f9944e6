package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// question is one that a person has to answer at the terminal.
type question struct {
	doing  string // what is asked about, for where nobody can be asked
	prompt string
	answer string // that is a yes
}

// ask asks, and gives refused for any other answer.
func (a *app) ask(q question, refused error) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return fmt.Errorf("%s: say --yes where nobody can be asked", q.doing)
	}
	fmt.Fprint(a.err, q.prompt)
	answer, _ := bufio.NewReader(os.Stdin).ReadString('\n') // an end of input is no
	if strings.TrimSpace(answer) != q.answer {
		return refused
	}
	return nil
}
