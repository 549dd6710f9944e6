// Package sim is a simulated Docker host: an engine.Engine that keeps the
// port's promises (it passes enginetest), runs 100,000 containers in one
// process, and breaks in whatever way a test asks for.
//
// A World holds hosts that share a clock, a log of all calls, and a controller
// that can die after any of them. Time is package time's: inside testing/
// synctest it is virtual. Nothing runs in the background; what a container did
// meanwhile (became healthy, crashed, was restarted) is worked out when
// somebody looks.
//
// Imitated: states and their transitions; health checks by interval, retries
// and start period; exits, restart policies and their backoff; grace periods
// and kills; names, ids and published ports and their conflicts; attachments,
// also to networks that have been replaced; images, moved tags, slow pulls;
// copied files; what an image gives a container; a limit on running
// containers; health checks that an engine forgets; logs; wakes. The refusals have the classes that Docker's have.
//
// Not imitated: processes, traffic and name resolution (an alias is only
// noted); the contents of volumes; memory and CPU, so nothing is ever killed
// for using too much; commands other than the test server's, which all run for
// ever unless a Behaviour says otherwise. What a call costs is nothing unless
// Latency says otherwise.
package sim
