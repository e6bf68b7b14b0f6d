package rig

import "latchkey/flowtest/bench"

type (
	// Wire is what lies between the functions and the rest of the world.
	Wire = bench.Wire
	// Call is one request to the table or to a vendor.
	Call = bench.Call
	// Fault is what happens to one request.
	Fault = bench.Fault
	// Trouble is what one run of a function meets.
	Trouble = bench.Trouble
)

// The faults.
const (
	None    = bench.None
	Lost    = bench.Lost    // the request does not arrive
	Hanging = bench.Hanging // the request arrives nowhere and gets no answer
	Unheard = bench.Unheard // the request arrives and is served; its answer is lost
	Blocked = bench.Blocked // the vendor answers that it blocks the number
	Broken  = bench.Broken  // the answer is a gateway's page
	Busy    = bench.Busy    // the answer is that there were too many requests
)

// ErrLost is what a lost request fails with.
var ErrLost = bench.ErrLost
