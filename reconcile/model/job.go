package model

import "time"

// When a job runs.
const (
	WhenPreDeploy  = "preDeploy"  // before the replicas of a changed app are touched
	WhenPostDeploy = "postDeploy" // when they are healthy
	WhenSchedule   = "schedule"   // at the times of a cron expression
)

// What happens when a run is due while another runs.
const (
	ConcurrencyAllow   = "Allow"
	ConcurrencyForbid  = "Forbid"
	ConcurrencyReplace = "Replace"
)

// Job is a workload of an app that runs to its end.
type Job struct {
	App  string `json:"app"`
	Name string `json:"name"`
	When string `json:"when"`
	// Schedule is a cron expression in TimeZone.
	Schedule         string        `json:"schedule,omitempty"`
	TimeZone         string        `json:"timeZone,omitempty"`
	Concurrency      string        `json:"concurrency"`
	StartingDeadline time.Duration `json:"startingDeadline,omitempty"` // 0 is none
	BackoffLimit     int           `json:"backoffLimit"`               // tries after the first
	Timeout          time.Duration `json:"timeout"`                    // of all tries together
	HistoryLimit     int           `json:"historyLimit"`
	Suspend          bool          `json:"suspend,omitempty"`
	// Work is what a try of a run is, in the form of a service's only replica, so
	// that it gets its host, its image and its networks in the same way.
	Work Service `json:"work"`
}

// Deploys says whether the job belongs to the rollouts of its app.
func (j *Job) Deploys() bool { return j.When != WhenSchedule }
